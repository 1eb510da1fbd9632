import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ActivityCancellationType,
  CancellationScope,
  log,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { FiringActivities, FiringEnd, FiringArgument } from './protocol/firing-activities.js';
import { taskQueues } from './protocol/names.js';

const NOMINAL_TIME = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/**
 * One run of a schedule: starts its batch and stays open while the batch runs, so that the schedule's overlap policy
 * applies. Cancelling this workflow cancels the batch; terminating it leaves the batch running.
 */
export async function scheduledFiring(argument: FiringArgument): Promise<FiringEnd> {
  const root = CancellationScope.current();
  const firing = { argument, firingAt: nominalTime() };
  return CancellationScope.nonCancellable(async () => {
    const { startFiring, followFiring, cancelFiring } = firingProxies();
    const started = await startFiring(firing);
    if (started.kind === 'over') return started.end;
    const { run, workflowRunId } = started;
    const followed = { ...firing, run, workflowRunId };
    root.cancelRequested.catch(() =>
      cancelFiring(followed).catch((error: unknown) =>
        log.warn('The batch could not be cancelled.', { error }),
      ),
    );
    return followFiring(followed);
  });
}

/** The nominal time of the schedule, to the second; for a workflow started by hand its start time. */
function nominalTime(): string {
  const { typedSearchAttributes, startTime } = workflowInfo();
  const time = typedSearchAttributes.get(NOMINAL_TIME) ?? startTime;
  return new Date(Math.floor(time.getTime() / 1000) * 1000).toISOString();
}

function firingProxies(): FiringActivities {
  const queues = taskQueues(workflowInfo().taskQueue);
  const patient = {
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    heartbeatTimeout: '30 seconds',
  } as const;
  const { startFiring } = proxyActivities<FiringActivities>({
    ...patient,
    taskQueue: queues.main,
    startToCloseTimeout: '6 hours',
  });
  const { followFiring } = proxyActivities<FiringActivities>({
    ...patient,
    taskQueue: queues.await,
    startToCloseTimeout: '30 days',
  });
  const { cancelFiring } = proxyActivities<FiringActivities>({
    ...patient,
    taskQueue: queues.main,
    startToCloseTimeout: '1 minute',
  });
  return { startFiring, followFiring, cancelFiring };
}
