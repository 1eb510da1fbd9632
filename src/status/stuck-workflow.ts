import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import pMap from 'p-map';
import type { BatchId } from '../domain/rows/ids.js';
import { asPart } from '../domain/text/full-stop.js';
import { batchWorkflowId, shardWorkflowId } from '../workflows/protocol/names.js';
import {
  positionQuery,
  type BatchSnapshot,
  type HistoryPosition,
} from '../workflows/protocol/batch-messages.js';
import { snapshotInMemo } from './describe-batch.js';
import { askWorker } from '../network/temporal-calls.js';
import { workersOf } from './queue-rates.js';

/** Temporal retries a failed task at once: after this many attempts it is no temporary fault, such as a replaced worker. */
const FAILED_ATTEMPTS = 3;
/** The server removes the events of a task that a worker got for an update and refused. */
const TAKEN_BACK_EVENTS = 2;
const EVENTS_LOOKED_AT = 20;
/** More than most tasks produce. For a task with more nothing is reported. */
const EVENTS_OF_A_TASK = 250;
/** Workflow times are in whole milliseconds. */
const CLOCK_MS = 1;
const MOST_EVENTS = 1000;
const CONFIRMED_AFTER_MS = 1_500;
const BATCHES_AT_ONCE = 8;
const LONGEST_MESSAGE = 200;

/** A batch that cannot continue, and why. */
export interface StuckBatch {
  readonly batchId: BatchId;
  readonly reason: string;
}

/** A check of more batches would take too long. */
const BATCHES_CHECKED = 100;

/** The batches that cannot continue, among the first 100 running ones in Temporal's list. */
export async function findStuckBatches(temporal: {
  readonly client: Client;
  readonly taskQueue: string;
}): Promise<readonly StuckBatch[]> {
  const running: BatchSnapshot[] = [];
  const query = "WorkflowType = 'runBatch' AND ExecutionStatus = 'Running'";
  for await (const execution of temporal.client.workflow.list({ query })) {
    const snapshot = snapshotInMemo(execution);
    if (snapshot) running.push(snapshot);
    if (running.length === BATCHES_CHECKED) break;
  }
  return stuckBatches(temporal, running);
}

/** Those of the given running batches that cannot continue. */
export async function stuckBatches(
  { client, taskQueue }: { readonly client: Client; readonly taskQueue: string },
  running: readonly Pick<BatchSnapshot, 'run' | 'openShards'>[],
): Promise<readonly StuckBatch[]> {
  if (running.length === 0) return [];
  const hasWorkers = ((await workersOf({ client, taskQueue }))?.length ?? 0) > 0;
  const checked = await pMap(
    running,
    async (snapshot): Promise<StuckBatch | undefined> => {
      const reason = await whyStuck(client, snapshot, hasWorkers);
      return reason === undefined ? undefined : { batchId: snapshot.run.batchId, reason };
    },
    { concurrency: BATCHES_AT_ONCE },
  );
  return checked.filter((batch) => batch !== undefined);
}

/**
 * Why a running batch cannot continue: the workflow tasks of the batch or one of its open shards keep failing, or
 * Temporal has lost events that the workers know. Undefined if it can, as far as visible.
 */
export async function whyStuck(
  client: Client,
  { run, openShards }: Pick<BatchSnapshot, 'run' | 'openShards'>,
  hasWorkers: boolean,
): Promise<string | undefined> {
  const workflowIds = [
    batchWorkflowId(run.batchId),
    ...openShards.map(({ shard }) => shardWorkflowId(run, shard)),
  ];
  const reasons = await Promise.all(
    workflowIds.map((workflowId) => whyWorkflowStuck(client, workflowId, hasWorkers)),
  );
  const reason = reasons.find((text) => text !== undefined);
  return reason === undefined ? undefined : stuckText(run.batchId, reason);
}

function stuckText(batchId: string, reason: string): string {
  return `Stuck: its workflow cannot continue: ${reason} · To terminate it and continue from the bucket: banana-batch retry ${batchId} --force`;
}

async function whyWorkflowStuck(
  client: Client,
  workflowId: string,
  hasWorkers: boolean,
): Promise<string | undefined> {
  const handle = client.workflow.getHandle(workflowId);
  // The worker first: the server's history only grows.
  const known = hasWorkers ? await askWorker(client, () => handle.query(positionQuery)) : undefined;
  const described = await askWorker(client, () => handle.describe());
  if (described?.status.name !== 'RUNNING') return undefined;
  const { runId } = described;
  const failure = await taskFailure(client, described);
  if (failure !== undefined) return failure;
  if (known?.runId !== runId) return undefined;
  const before = await disagreement(client, described, known);
  if (before === undefined) return undefined;
  // An update that is refused leaves no event; the next task comes at once.
  await sleep(CONFIRMED_AFTER_MS);
  const again = await askWorker(client, () => handle.query(positionQuery));
  const now = await askWorker(client, () => handle.describe());
  if (!again || !now || again.length !== known.length || again.startedMs !== known.startedMs)
    return undefined;
  return now.runId === runId && (await disagreement(client, now, again)) === before ? before : undefined;
}

/** In what the server's state of a workflow differs from its worker's; undefined if it does not. */
async function disagreement(
  client: Client,
  described: WorkflowExecutionDescription,
  known: HistoryPosition,
): Promise<string | undefined> {
  if (await isSetBack(client, described, known)) {
    return "Temporal's database was restored to an older state than its workers know. Restart all workers, so that they read the restored state.";
  }
  const { pendingActivities, pendingWorkflowTask } = described.raw;
  const isForgotten = !pendingWorkflowTask && (pendingActivities?.length ?? 0) < known.activities;
  return isForgotten
    ? 'it waits for activities that Temporal does not know, as happens when its database is restored while workers are running.'
    : undefined;
}

/**
 * Whether the server's history lacks the start of the last task that a worker took. The event number proves nothing:
 * a worker that has read a quiet workflow for a query also counts the events after that task.
 */
async function isSetBack(
  client: Client,
  { workflowId, runId, historyLength }: WorkflowExecutionDescription,
  known: HistoryPosition,
): Promise<boolean> {
  if (known.length > historyLength) return known.length > historyLength + TAKEN_BACK_EVENTS;
  const maximumPageSize = Math.min(MOST_EVENTS, historyLength - known.length + EVENTS_OF_A_TASK);
  const events = await lastEvents(client, { workflowId, runId }, maximumPageSize);
  const reachesBack = events.some((event) => timeOf(event) < known.startedMs - CLOCK_MS);
  const isThere = events.some(
    (event) =>
      event.workflowTaskStartedEventAttributes && Math.abs(timeOf(event) - known.startedMs) <= CLOCK_MS,
  );
  return reachesBack && !isThere;
}

type HistoryEvent = Awaited<ReturnType<typeof lastEvents>>[number];

function timeOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6;
}

async function lastEvents(
  client: Client,
  execution: { readonly workflowId: string; readonly runId: string },
  maximumPageSize: number,
) {
  const { namespace } = client.options;
  const answer = await askWorker(client, () =>
    client.workflowService.getWorkflowExecutionHistoryReverse({ namespace, execution, maximumPageSize }),
  );
  return answer?.history?.events ?? [];
}

/** Why the workflow's task keeps failing; undefined if it does not. */
async function taskFailure(
  client: Client,
  { raw, workflowId, runId }: WorkflowExecutionDescription,
): Promise<string | undefined> {
  const attempt = raw.pendingWorkflowTask?.attempt ?? 0;
  if (attempt < FAILED_ATTEMPTS) return undefined;
  const events = await lastEvents(client, { workflowId, runId }, EVENTS_LOOKED_AT);
  // Only the first of several consecutive failures is an event.
  const task = events.find(
    (event) =>
      event.workflowTaskFailedEventAttributes ??
      event.workflowTaskTimedOutEventAttributes ??
      event.workflowTaskCompletedEventAttributes,
  );
  if (!task || task.workflowTaskCompletedEventAttributes) return undefined;
  const message =
    task.workflowTaskFailedEventAttributes?.failure?.message ??
    'no worker completes its workflow task in time';
  return `its workflow task has failed ${attempt - 1} times (${asPart(message.slice(0, LONGEST_MESSAGE))}), as happens with workers of another version. Restart the workers with the version that started the batch.`;
}
