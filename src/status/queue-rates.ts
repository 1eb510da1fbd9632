import type { ConnectionLike, Client } from '@temporalio/client';
import { z } from 'zod';
import { askWorker } from '../network/temporal-calls.js';
import { isGoneWorker } from './worker-identity.js';

/** A task queue of activities. */
export interface ActivityQueue {
  readonly namespace: string;
  readonly name: string;
}

type Service = Pick<ConnectionLike, 'workflowService'>;

const ACTIVITIES = 2;
const Limit = z.object({ requestsPerSecond: z.number() });

/** Maximum number of activities a second that Temporal dispatches from a queue; undefined for no limit. Throws what Temporal's client throws. */
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

/** Sets that limit for all workers immediately; `undefined` removes it. Throws what Temporal's client throws. */
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

// A worker polls at least once a minute.
const SEEN_WITHIN_MS = 75_000;
const Seconds = z.coerce.number().catch(0);

/**
 * The identities of the workers that polled a task queue in the last minute or so, each once, without those known to
 * be gone. Throws what Temporal's client throws.
 */
export async function recentPollers(
  connection: Pick<ConnectionLike, 'workflowService'>,
  queue: { readonly namespace: string; readonly name: string; readonly takes: 'workflows' | 'activities' },
): Promise<readonly string[]> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace: queue.namespace,
    taskQueue: { name: queue.name },
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the SDK does not export the enum
    taskQueueType: queue.takes === 'workflows' ? 1 : 2,
  });
  const recent = (pollers ?? []).flatMap(({ identity, lastAccessTime }) => {
    const seenMs = Seconds.parse(lastAccessTime?.seconds?.toString()) * 1000;
    return identity && Date.now() - seenMs < SEEN_WITHIN_MS && !isGoneWorker(identity) ? [identity] : [];
  });
  return [...new Set(recent)];
}

/** The number of workers that run workflows of a task queue, seen in the last minute or so; undefined if Temporal does not answer. */
export function workersOf({
  client,
  taskQueue,
}: {
  readonly client: Client;
  readonly taskQueue: string;
}): Promise<readonly string[] | undefined> {
  const queue = { namespace: client.options.namespace, name: taskQueue, takes: 'workflows' } as const;
  return askWorker(client, () => recentPollers(client.connection, queue));
}
