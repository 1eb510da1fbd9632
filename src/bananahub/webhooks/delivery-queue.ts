import PQueue from 'p-queue';
import type { Delivery } from './end-await.js';
import type { DeliveryEnd } from '../../webhooks/delivery-counts.js';
import { SeenDeliveries } from '../../webhooks/seen-deliveries.js';
import { awaitName } from './worker-webhooks.js';

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
