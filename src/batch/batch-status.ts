import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { addTallies, tallyOfPending, type Tally } from '../domain/tally.js';
import { Report, TallyDocument } from '../ledger/documents.js';
import { at, batchRoot, reportKey, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { describeBatch, snapshotInMemo } from './describe-batch.js';
import { lastRunSeq } from './plan-submission.js';
import { recentPollers } from './task-queue-pollers.js';
import {
  batchWorkflowId,
  probeActivityId,
  shardTallyQuery,
  shardWorkflowId,
  snapshotQuery,
  SNAPSHOT_MEMO,
  type BatchSnapshot,
} from '../workflows/messages.js';

export type BatchState =
  | 'preparing'
  | 'running'
  | 'paused'
  | 'held'
  | 'cancelling'
  | 'sealing'
  | 'completed'
  | 'cancelled'
  | 'failed';

/** What `status --json` prints; scripts rely on it. Times are ISO 8601. */
export interface BatchStatus extends Tally {
  readonly batchId: string;
  readonly state: BatchState;
  /** Why the batch stands still or failed, for a person. */
  readonly reason: string | undefined;
  readonly holds: readonly {
    readonly scope: string;
    readonly code: string;
    readonly message: string;
    readonly since: string;
    readonly nextProbeAt: string | undefined;
  }[];
  readonly paused: boolean;
  readonly runSeq: number;
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly imagesPerMinute: number | undefined;
  readonly etaSeconds: readonly [low: number, high: number] | undefined;
  readonly concurrency: number | undefined;
  /** Workers seen in the last minute or so; undefined where Temporal was not asked. */
  readonly workers: number | undefined;
  /** When these numbers were true. */
  readonly asOf: string;
  /** `s3://bucket/prefix/batch/` */
  readonly location: string;
}

/** A status as one JSON document: every field is there, `null` where nothing is known. */
export function statusJson(status: BatchStatus): string {
  return JSON.stringify(status, (_, value: unknown) => value ?? null);
}

const QUERY_DEADLINE_MS = 3_000;

/** Where a batch is, from the running workflows, else from what they last noted, else from the bucket. Undefined for an unknown batch. */
export async function readBatchStatus(
  access: { readonly client: Client; readonly store: ObjectStore; readonly taskQueue: string },
  location: BatchLocation,
): Promise<BatchStatus | undefined> {
  const description = await describeBatch(access.client, location);
  if (!description) return statusFromBucket(access.store, location);
  const workers = await countWorkers(access.client, access.taskQueue);
  const isRunning = description.status.name === 'RUNNING';
  const live = isRunning && workers > 0 ? await querySnapshot(access.client, location) : undefined;
  // A workflow's own clock stands still between its tasks.
  const snapshot = live ? { ...live, asOf: new Date().toISOString() } : snapshotInMemo(description);
  if (!snapshot) return undefined;
  const tally = await tallyWithShards(access.client, snapshot, isRunning && workers > 0);
  return statusOf(snapshot, tally, description, workers, location);
}

/** The status that a batch's sealed report tells; undefined where the bucket has none. */
export async function statusFromBucket(
  store: ObjectStore,
  location: BatchLocation,
): Promise<BatchStatus | undefined> {
  const ref = at(location, reportKey(location));
  if (!(await store.head(ref))) return undefined;
  const report = Report.parse(JSON.parse(await store.readText(ref)));
  const isNewest = (await lastRunSeq(store, location)) === report.runSeq;
  return {
    ...report.tally,
    batchId: location.batchId,
    state: report.state,
    reason: isNewest
      ? undefined
      : `Run ${report.runSeq + 1} was started and has left no report; Temporal does not know it.`,
    holds: [],
    paused: false,
    runSeq: report.runSeq,
    startedAt: report.startedAt,
    endedAt: report.endedAt,
    imagesPerMinute: undefined,
    etaSeconds: undefined,
    concurrency: undefined,
    workers: undefined,
    asOf: report.endedAt,
    location: addressOf(location),
  };
}

/** A batch's place as a person writes it. */
export function addressOf(location: BatchLocation): string {
  return `s3://${location.bucket}/${batchRoot(location)}`;
}

async function querySnapshot(client: Client, location: BatchLocation): Promise<BatchSnapshot | undefined> {
  const handle = client.workflow.getHandle(batchWorkflowId(location.batchId));
  return orUndefined(
    client.connection.withDeadline(Date.now() + QUERY_DEADLINE_MS, () => handle.query(snapshotQuery)),
  );
}

/** The batch's own count and exactly its open shards', so that no row is counted twice or missed. */
async function tallyWithShards(client: Client, snapshot: BatchSnapshot, askWorkers: boolean): Promise<Tally> {
  const tallies = await Promise.all(
    snapshot.openShards.map(async ({ shard, rows }) => {
      const handle = client.workflow.getHandle(shardWorkflowId(snapshot.run, shard));
      const asked = askWorkers
        ? await orUndefined(
            client.connection.withDeadline(Date.now() + QUERY_DEADLINE_MS, () =>
              handle.query(shardTallyQuery),
            ),
          )
        : undefined;
      if (asked) return asked;
      const memo = (await orUndefined(handle.describe()))?.memo?.[SNAPSHOT_MEMO];
      return TallyDocument.safeParse(memo).data ?? tallyOfPending(rows);
    }),
  );
  return tallies.reduce(addTallies, snapshot.tally);
}

function statusOf(
  snapshot: BatchSnapshot,
  tally: Tally,
  description: WorkflowExecutionDescription,
  workers: number,
  location: BatchLocation,
): BatchStatus {
  const holds = snapshot.holds.map((hold) => ({ ...hold, ...probeOf(description, hold.scope) }));
  const closed = closedFromOutside(description);
  const state = closed ? 'failed' : stateOf(snapshot, tally);
  const reason = closed ?? holds[0]?.message ?? reasonToWait(snapshot);
  return {
    ...tally,
    batchId: location.batchId,
    state,
    reason,
    holds: holds.map(({ scope, code, message, since, nextProbeAt }) => ({
      scope,
      code,
      message,
      since,
      nextProbeAt,
    })),
    paused: snapshot.paused,
    runSeq: snapshot.run.runSeq,
    startedAt: snapshot.startedAt,
    endedAt: snapshot.endedAt ?? (closed ? description.closeTime?.toISOString() : undefined),
    ...paceOf(snapshot, tally, state),
    concurrency: snapshot.concurrency,
    workers,
    asOf: snapshot.asOf,
    location: addressOf(location),
  };
}

/** The word for where a batch is, from its snapshot and the count of all its rows. */
export function stateOf(snapshot: BatchSnapshot, tally: Tally): BatchState {
  if (snapshot.phase === 'submitted') return 'preparing';
  if (snapshot.phase !== 'running') return snapshot.phase;
  if (snapshot.cancelling) return 'cancelling';
  if (snapshot.paused) return 'paused';
  const standsStill = tally.inFlight + tally.copying === 0 || tally.pending > 0;
  const holdsAll = snapshot.holds.some(({ scope }) => !scope.startsWith('model:'));
  if (snapshot.holds.length > 0 && standsStill && (holdsAll || tally.inFlight === 0)) return 'held';
  return 'running';
}

/** Why a batch has not begun; undefined where it has. */
export function reasonToWait({ phase }: Pick<BatchSnapshot, 'phase'>): string | undefined {
  return phase === 'submitted' ? 'No worker has taken it up yet: npx banana-batch worker' : undefined;
}

/** Why a workflow ended without the batch's doing; undefined where it did not. */
export function closedFromOutside(
  description: Pick<WorkflowExecutionDescription, 'status' | 'workflowId'>,
): string | undefined {
  switch (description.status.name) {
    case 'RUNNING':
    case 'COMPLETED':
      return undefined;
    case 'FAILED':
      return `The batch could not be prepared. See why with: temporal workflow show -w ${description.workflowId}`;
    default:
      return `Its workflow was ended from outside (${description.status.name.toLowerCase()}). Submit the sheet again to go on where it stopped.`;
  }
}

/** The last word and the next time of the probe that frees a scope. */
function probeOf(
  description: WorkflowExecutionDescription,
  scope: string,
): { readonly nextProbeAt: string | undefined; readonly message?: string } {
  const pending = description.raw.pendingActivities?.find(
    ({ activityId }) => activityId === probeActivityId(scope),
  );
  const seconds = pending?.scheduledTime?.seconds;
  const message = pending?.lastFailure?.message;
  return {
    nextProbeAt: seconds ? new Date(Number(seconds) * 1000).toISOString() : undefined,
    ...(message && { message }),
  };
}

/** Images a minute since the run began, and when the rest may be done: a range, since jobs and holds vary. */
function paceOf(
  snapshot: BatchSnapshot,
  tally: Tally,
  state: BatchState,
): Pick<BatchStatus, 'imagesPerMinute' | 'etaSeconds'> {
  const untilMs = Date.parse(snapshot.endedAt ?? snapshot.asOf);
  const minutes = (untilMs - Date.parse(snapshot.startedAt)) / 60_000;
  if (tally.stored === 0 || minutes <= 0) return { imagesPerMinute: undefined, etaSeconds: undefined };
  const imagesPerMinute = Math.round((tally.stored / minutes) * 10) / 10;
  return { imagesPerMinute, etaSeconds: state === 'running' ? etaOf(tally, imagesPerMinute) : undefined };
}

/** When the rows that are left may be done at a pace: a range. */
export function etaOf(
  { pending, inFlight, copying }: Pick<Tally, 'pending' | 'inFlight' | 'copying'>,
  imagesPerMinute: number,
): BatchStatus['etaSeconds'] {
  if (imagesPerMinute <= 0) return undefined;
  const seconds = ((pending + inFlight + copying) / imagesPerMinute) * 60;
  return [Math.floor(seconds * 0.8), Math.ceil(seconds * 1.5)];
}

/** Workers that take workflows, seen lately. */
async function countWorkers(client: Client, taskQueue: string): Promise<number> {
  const queue = { namespace: client.options.namespace, name: taskQueue, takes: 'workflows' } as const;
  const pollers = await client.connection.withDeadline(Date.now() + QUERY_DEADLINE_MS, () =>
    recentPollers(client.connection, queue),
  );
  return pollers.length;
}

/** For looks that may fail because no worker answers: then the next best source is used. */
async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch {
    return undefined;
  }
}
