import type { NativeConnection } from '@temporalio/worker';
import type { PollTurns } from './poll-turns.js';
import { readQueueRate, recentPollers } from '../../status/queue-rates.js';
import { withinDeadline } from '../../network/temporal-calls.js';
import { shareOfRate } from '../../domain/time/request-rate.js';
import { taskQueues } from '../../workflows/protocol/names.js';

const READ_EVERY_MS = 3_000;

/**
 * Keeps the polls of this process to its share of the rate that `banana-batch rate --polls` has set: reads it, and how
 * many processes poll, every few seconds. What cannot be read stays as it was. Returns how to end that.
 */
export function followPollRate(options: {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly pollTurns: PollTurns;
}): () => void {
  const { connection, namespace, pollTurns } = options;
  const queues = taskQueues(options.taskQueue);
  const read = (): Promise<number | undefined> =>
    withinDeadline(connection, async () => {
      const perSecond = await readQueueRate(connection, { namespace, name: queues.await });
      if (perSecond === undefined) return undefined;
      // Where images are copied, jobs are looked at as well.
      const pollers = await Promise.all(
        [queues.await, queues.store].map((name) =>
          recentPollers(connection, { namespace, name, takes: 'activities' }),
        ),
      );
      return shareOfRate(perSecond, new Set(pollers.flat()).size);
    });
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  const follow = async (): Promise<void> => {
    try {
      const share = await read();
      if (isOpen) pollTurns.setRate(share);
    } catch {
      // Temporal may be away for a while, or know no such rates.
    }
    if (isOpen) timer = setTimeout(() => void follow(), READ_EVERY_MS);
  };
  void follow();
  return () => {
    isOpen = false;
    clearTimeout(timer);
    pollTurns.setRate(undefined);
  };
}
