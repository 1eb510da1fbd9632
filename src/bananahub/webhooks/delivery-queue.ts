import PQueue from 'p-queue';
import QuickLRU from 'quick-lru';
import type { JobId } from '../../domain/rows/ids.js';
import type { Delivery, DeliveryEnd } from './end-await.js';
import { awaitName } from './worker-webhooks.js';

const REFS_KEPT = 20_000;
const KEPT_MS = 3_600_000;
/** Anyone who has one genuine path cannot cause more calls than that with it. */
const LOOKS_PER_REF = 4;

interface Seen {
  looks: number;
  /** Jobs that are being looked at, or need no look any more. */
  readonly jobs: Set<JobId>;
}

/** Recently accepted deliveries, so that duplicates are dropped cheaply. */
export class SeenDeliveries {
  readonly #seen = new QuickLRU<string, Seen>({ maxSize: REFS_KEPT, maxAge: KEPT_MS });

  /** Whether a delivery is worth a look: counts as one where it is. */
  admits(ref: string, jobId: JobId): boolean {
    const seen = this.#seen.get(ref) ?? { looks: 0, jobs: new Set() };
    if (seen.jobs.has(jobId) || seen.looks >= LOOKS_PER_REF) return false;
    seen.looks += 1;
    seen.jobs.add(jobId);
    this.#seen.set(ref, seen);
    return true;
  }

  /** The look has shown nothing yet: the same may be told again. */
  release(ref: string, jobId: JobId): void {
    this.#seen.get(ref)?.jobs.delete(jobId);
  }
}

const AT_ONCE = 32;
const MOST_WAITING = 5_000;

/** What may be told again with profit: this look has brought nothing. */
const IN_VAIN = new Set<DeliveryEnd>(['unfinished', 'unconfirmed']);

/** Deliveries that were answered and are still to be acted on: a few at a time, and no more waiting than memory tolerates. */
export class DeliveryQueue {
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  readonly #seen = new SeenDeliveries();
  readonly #closing = new AbortController();
  readonly #look: (delivery: Delivery, signal: AbortSignal) => Promise<DeliveryEnd>;
  readonly #note: (end: DeliveryEnd, error?: unknown) => void;

  /** `note` is told what became of each delivery that was taken, with the error where it was unforeseen. */
  constructor(
    look: (delivery: Delivery, signal: AbortSignal) => Promise<DeliveryEnd>,
    note: (end: DeliveryEnd, error?: unknown) => void,
  ) {
    this.#look = look;
    this.#note = note;
  }

  /** Takes a delivery, unless it was taken before or too many wait. */
  take(delivery: Delivery): 'taken' | 'repeated' | 'full' {
    if (this.#queue.size >= MOST_WAITING) return 'full';
    const name = awaitName(delivery.ref);
    if (!this.#seen.admits(name, delivery.jobId)) return 'repeated';
    void this.#queue.add(() => this.#work(name, delivery));
    return 'taken';
  }

  /** Gives up what waits, and resolves once what is under way has ended. */
  async close(): Promise<void> {
    this.#queue.clear();
    this.#closing.abort();
    await this.#queue.onIdle();
  }

  async #work(name: string, delivery: Delivery): Promise<void> {
    const { signal } = this.#closing;
    try {
      const end = await this.#look(delivery, signal);
      if (IN_VAIN.has(end)) this.#seen.release(name, delivery.jobId);
      this.#note(end);
    } catch (error) {
      this.#seen.release(name, delivery.jobId);
      if (!signal.aborted) this.#note('unconfirmed', error);
    }
  }
}
