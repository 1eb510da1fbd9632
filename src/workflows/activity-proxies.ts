import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
  workflowInfo,
  type ActivityOptions,
  setHandler,
} from '@temporalio/workflow';
import type { Activities } from './protocol/activities.js';
import { BATCH_FAULT, type BatchFaultDetails } from '../domain/batch/holds.js';
import { NOTICE_RETRY } from '../domain/batch/notice.js';
import type { RunSettings } from '../domain/batch/run-settings.js';
import { positionQuery } from './protocol/batch-messages.js';
import { awaitActivityId, probeActivityId, taskQueues } from './protocol/names.js';

/** No maximum of attempts, since each deploy uses one up. Cancellation waits: by default, a cancelled activity is abandoned while it still runs. */
const PATIENT = {
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const satisfies ActivityOptions;

const HEARTBEAT_TIMEOUT_MS = 30_000;

/** A shard's activities, each on its queue with its limits. The ids of row activities name row and generation: `await:17:1`. */
export function activityProxies({
  heartbeatTimeoutMs: heartbeatTimeout = HEARTBEAT_TIMEOUT_MS,
}: RunSettings): Pick<
  Activities,
  | 'openShard'
  | 'priceShard'
  | 'recordOutcomes'
  | 'recordLostShard'
  | 'createGeneration'
  | 'awaitGeneration'
  | 'findJob'
  | 'storeImage'
> {
  const queues = taskQueues(workflowInfo().taskQueue);
  const { openShard, priceShard, recordOutcomes, recordLostShard } = proxyActivities<Activities>({
    ...PATIENT,
    taskQueue: queues.main,
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout,
  });
  // One attempt: a create that is taken back before it started was certainly never sent.
  const create = {
    ...PATIENT,
    taskQueue: queues.create,
    startToCloseTimeout: '1 minute',
    heartbeatTimeout,
    retry: { maximumAttempts: 1 },
  } as const;
  const wait = {
    ...PATIENT,
    taskQueue: queues.await,
    startToCloseTimeout: '30 days',
    heartbeatTimeout,
  } as const;
  const store = {
    ...PATIENT,
    taskQueue: queues.store,
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout,
  } as const;
  return counted({
    openShard,
    priceShard,
    recordOutcomes,
    recordLostShard,
    createGeneration: (input) =>
      named(create, `create:${input.row}:${input.generation}`).createGeneration(input),
    awaitGeneration: (input) =>
      named(wait, awaitActivityId(input.row, input.generation)).awaitGeneration(input),
    // A webhook that reports the end of the job ends the search as well.
    findJob: (input) => named(wait, awaitActivityId(input.row, input.generation)).findJob(input),
    storeImage: (input) => named(store, `store:${input.row}:${input.generation}`).storeImage(input),
  });
}

/** The activities that concern the whole batch. The id of a probe names the scope that the probe releases: `probe:account`. */
export function batchProxies(
  settings: RunSettings,
): Pick<
  Activities,
  | 'ingest'
  | 'checkPrices'
  | 'countBought'
  | 'raiseGranted'
  | 'reportCanary'
  | 'seal'
  | 'probe'
  | 'rebindAccount'
> {
  const queues = taskQueues(workflowInfo().taskQueue);
  const { ingest, checkPrices, countBought, reportCanary, seal } = proxyActivities<Activities>({
    ...PATIENT,
    taskQueue: queues.main,
    startToCloseTimeout: '6 hours',
    heartbeatTimeout: settings.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT_MS,
  });
  const { raiseGranted } = proxyActivities<Activities>({
    ...PATIENT,
    taskQueue: queues.main,
    startToCloseTimeout: '1 minute',
  });
  // Short, since a person waits for the result.
  const { rebindAccount } = proxyActivities<Activities>({
    ...PATIENT,
    taskQueue: queues.main,
    startToCloseTimeout: '10 minutes',
    retry: { ...PATIENT.retry, maximumAttempts: 3 },
  });
  const probe = {
    ...PATIENT,
    taskQueue: queues.main,
    startToCloseTimeout: '2 minutes',
    retry: {
      initialInterval: settings.probeFirstMs,
      backoffCoefficient: 2,
      maximumInterval: settings.probeLongestMs,
    },
  } as const;
  return counted({
    ingest,
    checkPrices,
    countBought,
    raiseGranted,
    reportCanary,
    seal,
    rebindAccount,
    probe: (input) => named(probe, probeActivityId(input.cause.scope)).probe(input),
  });
}

/** The activities that send notices of a batch. The watch occupies a slot for the whole batch, so it runs on the queue with most slots. */
export function noticeProxies(): Pick<Activities, 'watchBatch' | 'notifyEnd'> {
  const queues = taskQueues(workflowInfo().taskQueue);
  const watch = {
    ...PATIENT,
    taskQueue: queues.await,
    startToCloseTimeout: '365 days',
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  } as const;
  const { notifyEnd } = proxyActivities<Activities>({
    ...PATIENT,
    taskQueue: queues.main,
    startToCloseTimeout: '15 seconds',
    // No time limit: without a worker, no attempt was made.
    retry: { initialInterval: '1 second', maximumInterval: '10 seconds', maximumAttempts: 8 },
  });
  return counted({ notifyEnd, watchBatch: (input) => named(watch, 'watch').watchBatch(input) });
}

/** The activity that delivers a notice. It occupies no slot between two attempts. */
export function deliveryProxies(): Pick<Activities, 'postNotice'> {
  const { firstMs, factor, longestMs, forMs } = NOTICE_RETRY;
  return proxyActivities<Activities>({
    ...PATIENT,
    taskQueue: taskQueues(workflowInfo().taskQueue).main,
    startToCloseTimeout: '20 seconds',
    scheduleToCloseTimeout: forMs,
    retry: { initialInterval: firstMs, backoffCoefficient: factor, maximumInterval: longestMs },
  });
}

function named(options: ActivityOptions, activityId: string): Activities {
  return proxyActivities<Activities>({ ...options, activityId });
}

/** The fault of the whole batch that an activity's failure carries; undefined for every other error. */
export function batchFaultOf(error: unknown): BatchFaultDetails | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  if (!(cause instanceof ApplicationFailure) || cause.type !== BATCH_FAULT) return undefined;
  const [details] = cause.details ?? [];
  return details as BatchFaultDetails;
}

/** Repeats an activity that concerns no single row until it succeeds. `untilOver` reports a fault and waits for its end. */
export async function throughBatchFaults<T>(
  call: () => Promise<T>,
  untilOver: (fault: BatchFaultDetails) => Promise<unknown>,
): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const fault = batchFaultOf(error);
      if (!fault) throw error;
      await untilOver(fault);
    }
  }
}

/** Temporal ends a workflow at 51,200 events (its default limit); the rest is for what is in flight. */
const CONTINUE_AFTER_EVENTS = 40_000;

/** Whether this workflow should continue in a new run, with an empty history. */
export function isHistoryLong({ continueAfterEvents }: Pick<RunSettings, 'continueAfterEvents'>): boolean {
  return workflowInfo().historyLength >= (continueAfterEvents ?? CONTINUE_AFTER_EVENTS);
}

/** Activities that each workflow run waits for. */
const underway = new Map<string, number>();

type Call = (input: unknown) => Promise<unknown>;

function counting(call: Call): Call {
  return async (input) => {
    const { runId } = workflowInfo();
    underway.set(runId, (underway.get(runId) ?? 0) + 1);
    try {
      return await call(input);
    } finally {
      const left = (underway.get(runId) ?? 0) - 1;
      if (left > 0) underway.set(runId, left);
      else underway.delete(runId);
    }
  };
}

/** The same activities, counted while they are under way. */
function counted<Calls extends object>(activities: Calls): Calls {
  const calls = Object.entries(activities).map(([name, call]) => [name, counting(call as Call)]);
  // The cast repeats the type: each call only gets a counter around it.
  return Object.fromEntries(calls) as Calls;
}

/** Answers the query for this workflow's position in its history. */
export function answerPosition(): void {
  setHandler(positionQuery, () => {
    const { runId, historyLength } = workflowInfo();
    const activities = underway.get(runId) ?? 0;
    return { runId, length: historyLength, startedMs: Date.now(), activities };
  });
}
