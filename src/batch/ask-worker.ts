import type { Client } from '@temporalio/client';

const DEADLINE_MS = 3_000;

/** The answer to something that a worker, or Temporal, may fail to tell within 3 s: undefined then, and the next best source is used. */
export async function askWorker<T>(client: Client, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await client.connection.withDeadline(Date.now() + DEADLINE_MS, ask);
  } catch {
    return undefined;
  }
}
