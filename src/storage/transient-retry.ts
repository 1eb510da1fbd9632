import { setTimeout as delay } from 'node:timers/promises';
import { StorageError, isTransient } from './object-store.js';

export interface RetryPolicy {
  /** Including the first. */
  readonly attempts: number;
  /** Before the second attempt; doubles each time. */
  readonly firstDelayMs: number;
}

/** Retries what the SDK cannot, since a stream is used up by its first attempt: `attempt` opens its stream again each time. Throws the last error. */
export async function retryTransient<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (made >= policy.attempts || !(error instanceof StorageError) || !isRepeated(error)) throw error;
      await delay(
        policy.firstDelayMs * 2 ** (made - 1),
        undefined,
        signal === undefined ? {} : { signal },
      ).catch((reason: unknown) => {
        signal?.throwIfAborted();
        throw reason;
      });
    }
  }
}

/** The SDK retries unanswered requests, unless the store is not to. */
function isRepeated(error: StorageError): boolean {
  return isTransient(error) && !(error.cause instanceof Error && error.cause.name === 'NoAnswer');
}
