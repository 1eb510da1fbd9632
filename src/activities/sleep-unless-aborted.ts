import { setTimeout as sleep } from 'node:timers/promises';

/** Waits. Throws the signal's reason as soon as it is aborted. */
export async function sleepUnlessAborted(delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(delayMs, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
