import { ActivityNotFoundError, type Client } from '@temporalio/client';
import type { EndedByWebhook } from '../../workflows/protocol/activities.js';
import type { BananaHubClient } from '../client.js';
import { BananaHubError } from '../errors.js';
import type { JobId } from '../../domain/rows/ids.js';
import { type AwaitedJobs, awaitingActivity, awaitName } from './worker-webhooks.js';
import type { CallbackRef } from './callback-path.js';

/** What a receiver needs: only the API and Temporal. */
export interface ReceiverParts {
  readonly api: Pick<BananaHubClient, 'getJob'>;
  readonly client: Client;
  /** The waits of the worker in the receiver's own process. */
  readonly awaited?: AwaitedJobs;
}

/** A genuine path, and the job named in its body, which is not yet known to be that generation's job. */
export interface Delivery {
  readonly ref: CallbackRef;
  readonly jobId: JobId;
}

const TEMPORAL_DEADLINE_MS = 10_000;

/**
 * Asks the service once whether a job has ended, and if so completes the wait of the generation with the job's id.
 * The workflow checks whether that is the generation's own job, since only it knows. Throws unexpected errors.
 */
export async function endAwait(
  { api, client, awaited }: ReceiverParts,
  { ref, jobId }: Delivery,
  signal: AbortSignal,
): Promise<DeliveryEnd> {
  let isDone: boolean;
  try {
    const job = await api.getJob(jobId, signal);
    if (job.kind === 'unfinished') return 'unfinished';
    isDone = job.kind === 'done';
  } catch (error) {
    if (!(error instanceof BananaHubError)) throw error;
    return error.code === 'job-not-found' ? 'unknown-job' : 'unconfirmed';
  }
  const stopPolling = awaited?.endOf(awaitName(ref));
  const answer: EndedByWebhook = { kind: 'ended-by-webhook', jobId, isDone };
  try {
    await client.withDeadline(Date.now() + TEMPORAL_DEADLINE_MS, () =>
      client.activity.complete(awaitingActivity(ref), answer),
    );
  } catch (error) {
    // The wait has already ended, or has not begun: polling does the rest.
    if (error instanceof ActivityNotFoundError) return 'not-awaited';
    throw error;
  }
  stopPolling?.();
  return 'ended';
}

/**
 * The result of a request, or of an accepted delivery:
 *
 * - `refused`: another path, method or token; `too-large`, `unreadable`: a genuine path with an invalid body; `full`:
 * too many were waiting; `repeated`: accepted before
 * - `ended`: its wait was ended; `not-awaited`: nothing waits for that generation (any more); `unfinished`: the
 * service itself does not report the job ended yet; `unknown-job`: the account has no such job; `unconfirmed`: the
 * service or Temporal did not answer
 */
const DELIVERY_ENDS = [
  'refused',
  'too-large',
  'unreadable',
  'full',
  'repeated',
  'ended',
  'not-awaited',
  'unfinished',
  'unknown-job',
  'unconfirmed',
] as const;
export type DeliveryEnd = (typeof DELIVERY_ENDS)[number];

/** Counts since the start, and since the last report. */
export class DeliveryCounts {
  readonly #all = new Map<DeliveryEnd, number>();
  #unreported = 0;

  note(end: DeliveryEnd): void {
    this.#all.set(end, (this.#all.get(end) ?? 0) + 1);
    this.#unreported += 1;
  }

  /** All counts if any has changed since the last call. */
  takeNews(): Readonly<Record<string, number>> | undefined {
    if (this.#unreported === 0) return undefined;
    this.#unreported = 0;
    return this.read();
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries(DELIVERY_ENDS.flatMap((end) => this.#entry(end)));
  }

  #entry(end: DeliveryEnd): readonly [DeliveryEnd, number][] {
    const count = this.#all.get(end);
    return count === undefined ? [] : [[end, count]];
  }
}
