import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { ShardRows } from '../ledger/shard-rows.js';
import { addTallies, tallyOfPending, type Tally } from '../domain/batch/tally.js';
import { spread } from '../domain/time/expected-time.js';
import type { Hold } from '../domain/batch/holds.js';
import { UsageError } from '../errors.js';
import { TallyDocument } from '../ledger/documents.js';
import { addressOf, isSamePlace, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { askWorker } from '../network/temporal-calls.js';
import { statusFromBucket } from './bucket-status.js';
import { describeBatch, snapshotInMemo } from './describe-batch.js';
import { readOldestRows } from './oldest-rows.js';
import { NO_OLDEST_ROWS, type BatchState, type BatchStatus } from './status-document.js';
import { whyStuck } from './stuck-workflow.js';
import { workersOf } from './queue-rates.js';
import { snapshotQuery, SNAPSHOT_MEMO, type BatchSnapshot } from '../workflows/protocol/batch-messages.js';
import { shardTallyQuery } from '../workflows/protocol/shard-messages.js';
import { batchWorkflowId, probeActivityId, shardWorkflowId } from '../workflows/protocol/names.js';

export interface StatusAccess {
  readonly client: Client;
  readonly store: ObjectStore;
  readonly taskQueue: string;
  /** For repeated reads of one batch: caches row ids. */
  readonly shardRows?: ShardRows;
}

/** The status of a batch from the running workflows, else from their last snapshot, else from the bucket. Undefined for an unknown batch. */
export async function readBatchStatus(
  access: StatusAccess,
  location: BatchLocation,
): Promise<BatchStatus | undefined> {
  const description = await describeBatch(access.client, location);
  const noted = description && snapshotInMemo(description);
  if (!description || !noted || !isHere(noted, description, location)) {
    return statusFromBucket(access.store, location, 'unknown-to-temporal');
  }
  const workers = (await workersOf(access))?.length;
  const isRunning = description.status.name === 'RUNNING';
  const askWorkers = isRunning && workers !== undefined && workers > 0;
  const live = askWorkers ? await querySnapshot(access.client, location) : undefined;
  // A workflow's own clock stops between its tasks.
  const snapshot = live ? { ...live, asOf: new Date().toISOString() } : noted;
  const { client, shardRows = new ShardRows(access.store) } = access;
  const [tally, oldest, stuck] = await Promise.all([
    tallyWithShards(client, snapshot, askWorkers),
    live ? readOldestRows({ client, shardRows }, snapshot) : NO_OLDEST_ROWS,
    isRunning ? whyStuck(client, snapshot, askWorkers) : undefined,
  ]);
  const status = { ...statusOf(snapshot, tally, description, workers, location), ...oldest };
  return stuck === undefined ? status : { ...status, state: 'stuck', reason: stuck, etaSeconds: undefined };
}

/** Whether a workflow's batch is the one at `location`. Temporal knows batches only by id: a running one elsewhere is refused. */
function isHere(
  { run }: BatchSnapshot,
  { status }: WorkflowExecutionDescription,
  location: BatchLocation,
): boolean {
  if (isSamePlace(run, location)) return true;
  if (status.name !== 'RUNNING') return false;
  throw new UsageError(
    `Batch "${location.batchId}" is running at ${addressOf(run)}, not at ${addressOf(location)}. Set BANANA_BUCKET and BANANA_PREFIX as they were when it was submitted, or use another id here.`,
  );
}

async function querySnapshot(client: Client, location: BatchLocation): Promise<BatchSnapshot | undefined> {
  const handle = client.workflow.getHandle(batchWorkflowId(location.batchId));
  return askWorker(client, () => handle.query(snapshotQuery));
}

/** The batch's own tally plus those of exactly its open shards, so that no row is counted twice or missed. */
async function tallyWithShards(client: Client, snapshot: BatchSnapshot, askWorkers: boolean): Promise<Tally> {
  const tallies = await Promise.all(
    snapshot.openShards.map(async ({ shard, rows }) => {
      const handle = client.workflow.getHandle(shardWorkflowId(snapshot.run, shard));
      const counts = askWorkers ? await askWorker(client, () => handle.query(shardTallyQuery)) : undefined;
      if (counts) return counts;
      const memo = (await askWorker(client, () => handle.describe()))?.memo?.[SNAPSHOT_MEMO];
      return TallyDocument.safeParse(memo).data ?? tallyOfPending(rows);
    }),
  );
  return tallies.reduce(addTallies, snapshot.tally);
}

function statusOf(
  snapshot: BatchSnapshot,
  tally: Tally,
  description: WorkflowExecutionDescription,
  workers: number | undefined,
  location: BatchLocation,
): Omit<BatchStatus, keyof typeof NO_OLDEST_ROWS> {
  const closed = closedFromOutside(description, snapshot);
  const holds = holdsOf(snapshot, closed).map((hold) => ({ ...hold, ...probeOf(description, hold) }));
  const state = closed ? 'failed' : stateOf(snapshot, tally);
  const reason = reasonOf(snapshot, { closed, state, holds });
  return {
    ...tally,
    batchId: location.batchId,
    state,
    reason,
    holds: holds.map(({ scope, code, message, since, nextProbeAt, textId }) => ({
      scope,
      code,
      message,
      since,
      nextProbeAt,
      ...(textId !== undefined && { textId }),
    })),
    paused: snapshot.paused,
    budget: snapshot.budget && {
      ...snapshot.budget,
      // Shards report purchases later than stored images.
      images: Math.max(snapshot.budget.images, tally.stored - snapshot.carriedStored),
    },
    pauses: (state === 'paused' && snapshot.pauses) || [],
    runSeq: snapshot.run.runSeq,
    startedAt: snapshot.startedAt,
    endedAt: snapshot.endedAt ?? (closed ? description.closeTime?.toISOString() : undefined),
    ...paceOf(snapshot, tally, state),
    concurrency: snapshot.concurrency,
    pace: loweredPaceOf(snapshot),
    carried: snapshot.carriedStored,
    workers,
    asOf: snapshot.asOf,
    location: addressOf(location),
  };
}

/** The state of a batch, from its snapshot and the tally of all its rows. */
export function stateOf(snapshot: BatchSnapshot, tally: Tally): BatchState {
  const isPreparing = snapshot.phase === 'submitted' || snapshot.phase === 'preparing';
  if (!isPreparing && snapshot.phase !== 'running') return snapshot.phase;
  if (snapshot.cancelling) return 'cancelling';
  if (isPreparing) return snapshot.holds.length > 0 ? 'held' : 'preparing';
  if (snapshot.paused) return 'paused';
  const standsStill = tally.inFlight + tally.copying === 0 || tally.pending > 0;
  const holdsAll = snapshot.holds.some(({ scope }) => !scope.startsWith('model:'));
  if (snapshot.holds.length > 0 && standsStill && (holdsAll || tally.inFlight === 0)) return 'held';
  return 'running';
}

/** The active holds; none for a batch that has ended in any way. */
export function holdsOf({ holds, endedAt }: BatchSnapshot, closed: string | undefined): readonly Hold[] {
  return closed !== undefined || endedAt !== undefined ? [] : holds;
}

/** Why a batch is stopped, failed or has not begun, for users; undefined if nothing prevents it. */
export function reasonOf(
  { run, phase, pauses }: BatchSnapshot,
  now: {
    readonly closed: string | undefined;
    readonly state: BatchState;
    readonly holds: readonly Pick<Hold, 'message'>[];
  },
): string | undefined {
  if (now.closed !== undefined) return now.closed;
  if (now.state === 'paused') {
    const byPerson = `Paused: nothing more is bought. Continue with: banana-batch resume ${run.batchId}`;
    return pauses?.[0]?.message ?? byPerson;
  }
  if (phase === 'submitted') return 'Waiting for a worker. Start one: npx banana-batch worker';
  return now.holds[0]?.message;
}

/** Why a workflow was ended from outside, or failed; undefined if neither. */
export function closedFromOutside(
  description: Pick<WorkflowExecutionDescription, 'status' | 'workflowId'>,
  { failure }: Pick<BatchSnapshot, 'failure'>,
): string | undefined {
  switch (description.status.name) {
    case 'RUNNING':
    case 'COMPLETED':
      return undefined;
    case 'FAILED':
      return (
        failure ??
        `Its workflow failed; see why with: temporal workflow show -w ${description.workflowId}. Recorded rows are kept. ${goOn(description.workflowId)}`
      );
    default:
      return `Its workflow was ended from outside (${description.status.name.toLowerCase().replaceAll('_', ' ')}). ${goOn(description.workflowId)}`;
  }
}

function goOn(workflowId: string): string {
  return `Continue it with: banana-batch retry ${workflowId.replace(/^batch:/, '')}`;
}

/** The last message and the next time of the probe that may release a scope. */
function probeOf(
  description: WorkflowExecutionDescription,
  { scope, nextTrialAt }: Hold,
): { readonly nextProbeAt: string | undefined; readonly message?: string } {
  const pending = description.raw.pendingActivities?.find(
    ({ activityId }) => activityId === probeActivityId(scope),
  );
  const seconds = pending?.scheduledTime?.seconds;
  // An aborted probe has learned nothing: its own failure would hide the hold's cause.
  const message = pending?.lastFailure?.applicationFailureInfo ? pending.lastFailure.message : undefined;
  return {
    nextProbeAt: seconds ? new Date(Number(seconds) * 1000).toISOString() : nextTrialAt,
    ...(message && { message }),
  };
}

/** The pace after 429s, at the snapshot's time. */
function loweredPaceOf({ pace, asOf, endedAt }: BatchSnapshot): BatchStatus['pace'] {
  if (!pace || endedAt !== undefined || pace.fullAt <= asOf) return undefined;
  const { concurrency, notBefore, fullAt } = pace;
  return { concurrency, notBefore: notBefore > asOf ? notBefore : undefined, fullAt };
}

/** Images a minute since the run began, without holds and pauses, and when the rest may be done: a range, since jobs and holds vary. */
function paceOf(
  snapshot: BatchSnapshot,
  tally: Tally,
  state: BatchState,
): Pick<BatchStatus, 'imagesPerMinute' | 'etaSeconds'> {
  const untilMs = Date.parse(snapshot.endedAt ?? snapshot.asOf);
  const minutes = (untilMs - Date.parse(snapshot.startedAt) - (snapshot.stoppedMs ?? 0)) / 60_000;
  const stored = tally.stored - snapshot.carriedStored;
  if (stored <= 0 || minutes <= 0) return { imagesPerMinute: undefined, etaSeconds: undefined };
  const imagesPerMinute = Math.round((stored / minutes) * 10) / 10;
  return { imagesPerMinute, etaSeconds: state === 'running' ? etaOf(tally, imagesPerMinute) : undefined };
}

/** When the remaining rows may be done at a pace: a range; undefined if none is left. */
export function etaOf(
  { pending, inFlight, copying }: Pick<Tally, 'pending' | 'inFlight' | 'copying'>,
  imagesPerMinute: number,
): BatchStatus['etaSeconds'] {
  const left = pending + inFlight + copying;
  if (imagesPerMinute <= 0 || left === 0) return undefined;
  const [low, high] = spread((left / imagesPerMinute) * 60);
  return [Math.floor(low), Math.ceil(high)];
}
