import type { NativeConnection } from '@temporalio/worker';
import type { PollTurns } from './poll-turns.js';
import { readQueueRate, recentPollers } from '../../status/queue-rates.js';
import { withinDeadline } from '../../network/temporal-calls.js';
import { shareOfRate } from '../../domain/time/request-rate.js';
import { taskQueues } from '../../workflows/protocol/names.js';

const READ_EVERY_MS = 3_000;

/**
 * Limits the polls of this process to its share of the rate set by `banana-batch rate --polls`: reads the rate and
 * the number of polling processes every few seconds, and keeps the last values on errors. Returns a function that
 * stops this.
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
      // Processes that copy images poll jobs as well.
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
      // Temporal may be unreachable for a while, or may not support such rates.
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
