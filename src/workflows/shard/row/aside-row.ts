import { sleep } from '@temporalio/workflow';
import { type BatchFaultDetails, SCOPES_OF_AWAIT } from '../../../domain/batch/holds.js';
import type { JobId } from '../../../domain/rows/ids.js';
import type { MissingJob } from '../../../domain/rows/missing-job.js';
import type { FaultStep } from '../../../domain/batch/row-faults.js';
import { findJob } from './await-job.js';
import { searchJob } from './search-job.js';
import { throughHolds, type Through } from './paid-row.js';
import type { RowContext } from './row-context.js';
import { endByFault, goneRecord, tryAgain } from './row-ends.js';
import type { ProbeCandidate } from '../../protocol/shard-messages.js';

/** Set if the row has failed alone at that step: one more failure is reported at once. */
export function isDoubted(
  { ledger }: RowContext,
  row: number,
  step: 'create:' | 'job' | 'image',
): { readonly isDoubted?: true } {
  return ledger.rows[row]?.fault?.step.startsWith(step) ? { isDoubted: true } : {};
}

/** Lets a row wait without a slot; afterwards it is first in its queue. */
export function waitAside(context: RowContext, row: number, waitMs: number, isFirst: boolean): void {
  const { comeBack } = context.ledger.setAside(row, isFirst);
  if (context.isCancelling()) context.ledger.cancelUnpaid(Date.now());
  sleep(waitMs).then(comeBack, comeBack);
}

/** Ends a row that has failed alone for too long, or lets it wait aside. */
export function failedAlone(
  context: RowContext,
  row: number,
  step: FaultStep,
  through: Exclude<Through<never>, { kind: 'answer' }>,
): void {
  const { missing, unfinishedMs } = through.fault;
  context.ledger.noteMissing(row, missing, unfinishedMs);
  if (through.kind === 'aside') waitAside(context, row, through.waitMs, true);
  else endByFault(context, row, step, through.fault);
}

/** Searches for a missing job beside the window, and continues by the result. */
export async function search(
  context: RowContext,
  ref: ProbeCandidate & { readonly jobId: JobId },
  missing: MissingJob,
): Promise<void> {
  const { ledger, searches, grace } = context;
  const { row, generation, jobId } = ref;
  const { comeBack } = ledger.setAside(row);
  let failed: BatchFaultDetails | undefined;
  const end = await searchJob(context, ref, missing, async (request, isIdle) => {
    const waiting = { scopes: SCOPES_OF_AWAIT, step: 'job', candidate: ref } as const;
    for (let counted = request.missing; ;) {
      const through = await throughHolds(context, waiting, () =>
        searches.run(() => findJob(context.activities, { ...request, missing: counted }), isIdle),
      );
      if (through.kind === 'answer') return through.answer;
      failed = through.fault;
      if (through.kind === 'end') return { kind: 'failed' };
      counted = failed.missing ?? counted;
      await grace.run(() => sleep(through.waitMs));
    }
  });
  switch (end) {
    case 'found':
      ledger.noteMissing(row, undefined);
      context.noteThrough(row, 'job');
      comeBack();
      return;
    case 'gone': {
      const charged = ledger.rows[row]?.wasDone ? 'yes' : 'unknown';
      tryAgain(context, row, 'flaky', { ...goneRecord(generation, jobId), charged });
      return;
    }
    case 'failed':
      if (failed) endByFault(context, row, 'job', failed);
      return;
    case 'left':
  }
}
