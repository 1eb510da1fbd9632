import type { RunRef } from '../../storage/layout.js';
import { awaitActivityId, shardWorkflowId } from '../../workflows/protocol/names.js';
import { callbackPath, type CallbackRef } from './callback-path.js';
import type { WebhookConfig } from './webhook-config.js';

/** The part of webhooks that a worker's activities use, if webhooks are configured. */
export interface WorkerWebhooks {
  /** The URL for the end of a generation, and those with earlier secrets: secrets themselves, never to be stored or logged. */
  readonly callbackUrlsOf: (ref: CallbackRef) => readonly [string, ...string[]];
  readonly awaited: AwaitedJobs;
  readonly trust: WebhookTrust;
}

export function workerWebhooks({ url, secrets }: WebhookConfig): WorkerWebhooks {
  const [first, ...earlier] = secrets;
  return {
    callbackUrlsOf: (ref) => [
      url + callbackPath(ref, first),
      ...earlier.map((secret) => url + callbackPath(ref, secret)),
    ],
    awaited: new AwaitedJobs(),
    trust: new WebhookTrust(),
  };
}

/** The generation of a workflow's activity. */
export function callbackRefOf(input: {
  readonly run: Pick<RunRef, 'batchId' | 'runSeq'>;
  readonly shard: number;
  readonly row: number;
  readonly generation: number;
}): CallbackRef {
  const { run, shard, row, generation } = input;
  return { batchId: run.batchId, runSeq: run.runSeq, shard, row, generation };
}

/** Temporal's identification of the activity that awaits a generation's job. */
export function awaitingActivity(ref: CallbackRef): {
  readonly workflowId: string;
  readonly activityId: string;
} {
  return {
    workflowId: shardWorkflowId(ref, ref.shard),
    activityId: awaitActivityId(ref.row, ref.generation),
  };
}

/** The same as one word. */
export function awaitName(ref: CallbackRef): string {
  const { workflowId, activityId } = awaitingActivity(ref);
  return `${workflowId} ${activityId}`;
}

const LONGEST_PATIENCE_MS = 30_000;
/** While no job durations are known: more than the 25 s of typical jobs. */
const LEAST_PATIENCE_MS = 20_000;
const BETWEEN_POLLS_MS = 15_000;

/**
 * How long to wait before the next poll of a job with an expected webhook, in milliseconds: polls only replace lost
 * webhooks, so the first is much later than otherwise, and the others use the slowest interval.
 */
export function fallbackPollDelayMs(input: {
  /** The wait without a webhook. */
  readonly usualDelayMs: number;
  /** Since the job was created. */
  readonly ageMs: number;
  readonly polls: number;
}): number {
  const { usualDelayMs, ageMs, polls } = input;
  if (polls > 0) return Math.max(usualDelayMs, BETWEEN_POLLS_MS);
  const patienceMs = Math.min(LONGEST_PATIENCE_MS, (ageMs + usualDelayMs) / 2);
  return usualDelayMs + LEAST_PATIENCE_MS + patienceMs;
}

/** The waits for jobs in this process, so that a webhook that has ended one can stop its polling at once. */
export class AwaitedJobs {
  readonly #waits = new Map<string, Set<AbortController>>();

  /** Registers a wait under its name. The signal is aborted once someone else has ended it; `dispose` removes it. */
  enter(name: string): { readonly ended: AbortSignal; readonly dispose: () => void } {
    const controller = new AbortController();
    const waits = this.#waits.get(name) ?? new Set();
    this.#waits.set(name, waits.add(controller));
    return {
      ended: controller.signal,
      dispose: () => {
        waits.delete(controller);
        if (waits.size === 0 && this.#waits.get(name) === waits) this.#waits.delete(name);
      },
    };
  }

  /** Ends the present waits of that name, but none that begins later. */
  endOf(name: string): () => void {
    const waits = [...(this.#waits.get(name) ?? [])];
    return () => {
      for (const wait of waits) wait.abort();
    };
  }
}

/** After this many consecutive jobs that a poll found ended without a webhook, webhooks count as not working. */
const MISSED_IN_A_ROW = 5;
const DISTRUST_MS = 5 * 60_000;

/** Whether webhooks currently arrive: if not, waiting for them would only lose time. By any clock, in milliseconds. */
export class WebhookTrust {
  #missed = 0;
  #distrustedUntilMs = -Infinity;

  isGiven(nowMs: number): boolean {
    return nowMs >= this.#distrustedUntilMs;
  }

  /** A webhook has ended a wait. */
  noteCame(): void {
    this.#missed = 0;
    this.#distrustedUntilMs = -Infinity;
  }

  /** A poll has found a job ended whose webhook was expected. */
  noteMissed(nowMs: number): void {
    this.#missed += 1;
    // From then on one missed webhook is enough, until one arrives.
    if (this.#missed >= MISSED_IN_A_ROW) this.#distrustedUntilMs = nowMs + DISTRUST_MS;
  }
}
