import { ServiceError, type Client } from '@temporalio/client';

/** What Temporal knows itself comes within this time, or Temporal is taken to be away. */
export const TEMPORAL_DEADLINE_MS = 5_000;
/** The same for what only a worker can answer: there is always a next best source. */
const WORKER_DEADLINE_MS = 3_000;

/** A connection whose calls can be given a deadline: of the client or of a worker. */
interface Connection {
  withDeadline<T>(deadline: number, call: () => Promise<T>): Promise<T>;
}

/** Makes calls of Temporal that fail once the time is over. Throws what they throw. */
export function withinDeadline<T>(
  connection: Connection,
  call: () => Promise<T>,
  withinMs: number = TEMPORAL_DEADLINE_MS,
): Promise<T> {
  return connection.withDeadline(Date.now() + withinMs, call);
}

/** What Temporal answers in time; undefined where it fails or is too slow. */
export async function askTemporal<T>(client: Client, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await withinDeadline(client.connection, ask);
  } catch (error) {
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}

/** What a worker, or Temporal, answers within 3 s; undefined where neither does, for whatever reason. */
export async function askWorker<T>(client: Client, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await withinDeadline(client.connection, ask, WORKER_DEADLINE_MS);
  } catch {
    return undefined;
  }
}
