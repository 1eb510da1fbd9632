import type { Client, ConnectionLike } from '@temporalio/client';
import { z } from 'zod';
import { isGoneWorker } from '../status/worker-identity.js';
import { askWorker } from '../network/temporal-calls.js';

// A worker asks at least once a minute.
const SEEN_WITHIN_MS = 75_000;
const Seconds = z.coerce.number().catch(0);

/** The identities of the workers that asked a task queue for work in the last minute or so, each once, without those known to be gone. Throws what Temporal's client throws. */
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

/** The workers that take workflows of a task queue, seen in the last minute or so; undefined where Temporal does not answer. */
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
