import { readBatchStatus } from '../../status/batch-status.js';
import { describeBatch, snapshotInMemo } from '../../status/describe-batch.js';
import { lastRunSeq } from '../../ledger/previous-runs.js';
import type { StartedRun } from '../../status/end-of-run.js';
import { type BatchStatus, isOpen } from '../../status/status-document.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { RunRequest } from '../../ledger/documents.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import { at, isSamePlace, requestKey, type BatchLocation, type RunRef } from '../../storage/layout.js';
import type { ScheduleAccess } from '../schedule-client.js';

/** One execution of a run of the schedule: its workflow run. */
export interface FiringIdentity {
  readonly schedule: ScheduleName;
  /** The nominal time, to the second. */
  readonly firingAt: Date;
  readonly runId: string;
}

/** The state of the batch that a run of the schedule is about. */
export type BatchAtFiring =
  /** This run of the schedule has started it, but its worker was lost before it could report that. */
  | ({ readonly kind: 'own' } & StartedRun)
  /** This run of the schedule has requested it, but its worker was lost before the start. */
  | { readonly kind: 'claimed'; readonly run: RunRef; readonly request: RunRequest }
  /** It is running for another request. */
  | { readonly kind: 'in-the-way'; readonly status: BatchStatus }
  | { readonly kind: 'free' };

/** Since a worker was lost, only few runs were requested. */
const MOST_LOOKED_AT = 20;

/**
 * Checks a batch before a run of the schedule starts it. Throws a UsageError if a batch of its id is running in
 * another place, StorageError, and what Temporal's client throws.
 */
export async function batchAtFiring(
  access: ScheduleAccess,
  location: BatchLocation,
  firing: FiringIdentity,
): Promise<BatchAtFiring> {
  const { client, store } = access;
  const description = await describeBatch(client, location);
  const noted = description && snapshotInMemo(description)?.run;
  const started = noted && isSamePlace(noted, location) ? noted : undefined;
  if (description?.status.name === 'RUNNING') {
    const request = started && (await requestOf(access, started));
    if (started && request && isOf(request, firing)) {
      return { kind: 'own', run: started, workflowRunId: description.runId };
    }
    const status = await readBatchStatus(access, location);
    if (status) return { kind: 'in-the-way', status };
  }
  const last = await lastRunSeq(store, location);
  for (let runSeq = last; runSeq > Math.max(0, last - MOST_LOOKED_AT); runSeq -= 1) {
    const run = { ...location, runSeq };
    const request = await requestOf(access, run);
    if (!request || request.firing?.runId !== firing.runId || !isOf(request, firing)) continue;
    if (description && started?.runSeq === runSeq) {
      return { kind: 'own', run, workflowRunId: description.runId };
    }
    // A run that others have followed is theirs to complete: the difference is planned again.
    return runSeq === last ? { kind: 'claimed', run, request } : { kind: 'free' };
  }
  return { kind: 'free' };
}

function isOf({ firing }: RunRequest, { schedule, firingAt }: FiringIdentity): boolean {
  return firing?.schedule === schedule && Date.parse(firing.firingAt) === firingAt.getTime();
}

async function requestOf({ store }: ScheduleAccess, run: RunRef): Promise<RunRequest | undefined> {
  return readDocumentIfAny(store, at(run, requestKey(run, run.runSeq)), RunRequest);
}

/** Text that a batch is running, what it is doing and how to continue; counts and names only. */
export function inTheWayText(status: BatchStatus): string {
  const { batchId, state, reason, startedAt, stored, failed, cancelled, rejected, total } = status;
  if (!isOpen(status)) return `Batch "${batchId}" had only just ended.`;
  const since = state === 'held' ? status.holds[0]?.since : status.pauses[0]?.since;
  const how = `${state === 'cancelling' ? 'being cancelled' : state}${since === undefined ? '' : ` since ${since}`}`;
  const settled = stored + failed + cancelled + rejected;
  const far = total > 0 ? `; ${settled} of ${total} rows were finished` : '';
  const advice =
    reason ??
    'If that happens often, run the schedule less often, raise the concurrency, or let runs wait: --overlap buffer-one.';
  return `Batch "${batchId}" had been running since ${startedAt}, ${how}${far}. ${advice}`;
}
