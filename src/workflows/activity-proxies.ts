import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import { BATCH_FAULT, type BatchFaultDetails } from '../domain/batch-fault.js';
import { taskQueues, type RunSettings } from './messages.js';

/** The documented default is not the real one: without this, a cancelled activity is abandoned while it runs. */
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

const PATIENT = { initialInterval: '1 second', maximumInterval: '30 seconds' } as const;

/** The activities of this workflow, each on its queue with its limits. No attempt counts: a deploy uses one up. */
export function activityProxies(): Pick<
  Activities,
  'openShard' | 'recordOutcomes' | 'recordLostShard' | 'createGeneration' | 'awaitGeneration' | 'storeImage'
> {
  const queues = taskQueues(workflowInfo().taskQueue);
  const { openShard, recordOutcomes, recordLostShard } = proxyActivities<Activities>({
    taskQueue: queues.main,
    startToCloseTimeout: '5 minutes',
    retry: PATIENT,
    cancellationType,
  });
  const { createGeneration } = proxyActivities<Activities>({
    taskQueue: queues.create,
    startToCloseTimeout: '1 minute',
    retry: PATIENT,
    cancellationType,
  });
  const { awaitGeneration } = proxyActivities<Activities>({
    taskQueue: queues.await,
    startToCloseTimeout: '30 days',
    heartbeatTimeout: '30 seconds',
    retry: PATIENT,
    cancellationType,
  });
  const { storeImage } = proxyActivities<Activities>({
    taskQueue: queues.store,
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: '30 seconds',
    retry: PATIENT,
    cancellationType,
  });
  return { openShard, recordOutcomes, recordLostShard, createGeneration, awaitGeneration, storeImage };
}

/** The activities that go over the whole batch. */
export function wholeBatchProxies(settings: RunSettings): Pick<Activities, 'ingest' | 'seal' | 'probe'> {
  const queues = taskQueues(workflowInfo().taskQueue);
  const { ingest, seal } = proxyActivities<Activities>({
    taskQueue: queues.main,
    startToCloseTimeout: '6 hours',
    heartbeatTimeout: '1 minute',
    retry: PATIENT,
    cancellationType,
  });
  const { probe } = proxyActivities<Activities>({
    taskQueue: queues.main,
    startToCloseTimeout: '2 minutes',
    retry: {
      initialInterval: settings.probeFirstMs,
      backoffCoefficient: 2,
      maximumInterval: settings.probeLongestMs,
    },
    cancellationType,
  });
  return { ingest, seal, probe };
}

/** What an activity's failure says about the batch as a whole; undefined for every other error. */
export function batchFaultOf(error: unknown): BatchFaultDetails | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  if (!(cause instanceof ApplicationFailure) || cause.type !== BATCH_FAULT) return undefined;
  const [details] = cause.details ?? [];
  return details as BatchFaultDetails;
}
