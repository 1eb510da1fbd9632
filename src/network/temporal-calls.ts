import { ServiceError, type Client } from '@temporalio/client';

/** Temporal's own answers arrive within this time, or Temporal counts as unavailable. */
export const TEMPORAL_DEADLINE_MS = 5_000;
/** The same for answers of workers: there is always a fallback. */
const WORKER_DEADLINE_MS = 3_000;

/** A connection of the client or a worker whose calls can have a deadline. */
interface Connection {
  withDeadline<T>(deadline: number, call: () => Promise<T>): Promise<T>;
}

/** Runs calls of Temporal that fail after the time limit. Throws what they throw. */
export function withinDeadline<T>(
  connection: Connection,
  call: () => Promise<T>,
  withinMs: number = TEMPORAL_DEADLINE_MS,
): Promise<T> {
  return connection.withDeadline(Date.now() + withinMs, call);
}

/** Temporal's answer; undefined if it fails or is too slow. */
export async function askTemporal<T>(client: Client, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await withinDeadline(client.connection, ask);
  } catch (error) {
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}

/** The answer of a worker, or Temporal, within 3 s; undefined if there is none for any reason. */
export async function askWorker<T>(client: Client, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await withinDeadline(client.connection, ask, WORKER_DEADLINE_MS);
  } catch {
    return undefined;
  }
}
