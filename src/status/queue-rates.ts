import type { ConnectionLike } from '@temporalio/client';
import { z } from 'zod';

/** A task queue of activities. */
export interface ActivityQueue {
  readonly namespace: string;
  readonly name: string;
}

type Service = Pick<ConnectionLike, 'workflowService'>;

const ACTIVITIES = 2;
const Limit = z.object({ requestsPerSecond: z.number() });

/** How many activities a second Temporal hands out of a queue at most; undefined for no limit. Throws what Temporal's client throws. */
export async function readQueueRate(
  { workflowService }: Service,
  { namespace, name }: ActivityQueue,
): Promise<number | undefined> {
  const { config } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the SDK does not export the enum
    taskQueueType: ACTIVITIES,
    reportConfig: true,
  });
  return Limit.safeParse(config?.queueRateLimit?.rateLimit).data?.requestsPerSecond;
}

/** Sets that limit for all workers, at once; `undefined` takes it away. Throws what Temporal's client throws. */
export async function setQueueRate(
  { workflowService }: Service,
  { namespace, name }: ActivityQueue,
  perSecond: number | undefined,
): Promise<void> {
  await workflowService.updateTaskQueueConfig({
    namespace,
    identity: 'banana-batch rate',
    taskQueue: name,
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the SDK does not export the enum
    taskQueueType: ACTIVITIES,
    updateQueueRateLimit: {
      ...(perSecond !== undefined && { rateLimit: { requestsPerSecond: perSecond } }),
      reason: 'banana-batch rate',
    },
  });
}
