import PQueue from 'p-queue';
import QuickLRU from 'quick-lru';
import type { JobId } from '../../domain/rows/ids.js';
import type { Delivery, DeliveryEnd } from './end-await.js';
import { awaitName } from './worker-webhooks.js';

const REFS_KEPT = 20_000;
const KEPT_MS = 3_600_000;
/** Maximum number of API calls that one genuine path can cause. */
const LOOKS_PER_REF = 4;

interface Seen {
  looks: number;
  /** Jobs that are being checked, or need no further check. */
  readonly jobs: Set<JobId>;
}

/** Recently accepted deliveries, so that duplicates are dropped cheaply. */
export class SeenDeliveries {
  readonly #seen = new QuickLRU<string, Seen>({ maxSize: REFS_KEPT, maxAge: KEPT_MS });

  /** Whether a delivery needs a check; if so, it counts as one. */
  admits(ref: string, jobId: JobId): boolean {
    const seen = this.#seen.get(ref) ?? { looks: 0, jobs: new Set() };
    if (seen.jobs.has(jobId) || seen.looks >= LOOKS_PER_REF) return false;
    seen.looks += 1;
    seen.jobs.add(jobId);
    this.#seen.set(ref, seen);
    return true;
  }

  /** The check was inconclusive: the same delivery may come again. */
  release(ref: string, jobId: JobId): void {
    this.#seen.get(ref)?.jobs.delete(jobId);
  }
}

const AT_ONCE = 32;
const MOST_WAITING = 5_000;

/** Results after which the same delivery may come again: the check was inconclusive. */
const IN_VAIN = new Set<DeliveryEnd>(['unfinished', 'unconfirmed']);

/** Deliveries that were answered but not processed: processes a few at a time, with a limit for waiting ones. */
export class DeliveryQueue {
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  readonly #seen = new SeenDeliveries();
  readonly #closing = new AbortController();
  readonly #check: (delivery: Delivery, signal: AbortSignal) => Promise<DeliveryEnd>;
  readonly #note: (end: DeliveryEnd, error?: unknown) => void;

  /** `note` is called with the result of each accepted delivery, and the error if it was unexpected. */
  constructor(
    check: (delivery: Delivery, signal: AbortSignal) => Promise<DeliveryEnd>,
    note: (end: DeliveryEnd, error?: unknown) => void,
  ) {
    this.#check = check;
    this.#note = note;
  }

  /** Accepts a delivery, unless it was accepted before or too many wait. */
  take(delivery: Delivery): 'taken' | 'repeated' | 'full' {
    if (this.#queue.size >= MOST_WAITING) return 'full';
    const name = awaitName(delivery.ref);
    if (!this.#seen.admits(name, delivery.jobId)) return 'repeated';
    void this.#queue.add(() => this.#work(name, delivery));
    return 'taken';
  }

  /** Drops waiting deliveries, and resolves once the running ones have ended. */
  async close(): Promise<void> {
    this.#queue.clear();
    this.#closing.abort();
    await this.#queue.onIdle();
  }

  async #work(name: string, delivery: Delivery): Promise<void> {
    const { signal } = this.#closing;
    try {
      const end = await this.#check(delivery, signal);
      if (IN_VAIN.has(end)) this.#seen.release(name, delivery.jobId);
      this.#note(end);
    } catch (error) {
      this.#seen.release(name, delivery.jobId);
      if (!signal.aborted) this.#note('unconfirmed', error);
    }
  }
}
