import { freeAfter, freeAtNewRate } from '../../domain/time/request-rate.js';

interface Waiter {
  readonly go: () => void;
}

/** Limits polls to a rate, first come, first served; no wait without a rate. One per worker. */
export class PollTurns {
  readonly #waiting = new Set<Waiter>();
  #perSecond: number | undefined;
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `undefined` releases all that wait. */
  setRate(perSecond: number | undefined): void {
    if (perSecond === this.#perSecond) return;
    this.#perSecond = perSecond;
    if (perSecond !== undefined) {
      this.#freeAtMs = freeAtNewRate(this.#freeAtMs, { nowMs: performance.now(), perSecond });
    }
    this.#letGo();
  }

  /** Waits for a turn. If the signal is aborted, throws its reason and gives up the turn. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#perSecond === undefined) return;
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(waiter);
        reject(signal.reason);
      };
      const waiter = {
        go: (): void => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(waiter);
      this.#letGo();
    });
  }

  #letGo(): void {
    clearTimeout(this.#timer);
    const perSecond = this.#perSecond;
    for (const waiter of this.#waiting) {
      const nowMs = performance.now();
      if (perSecond !== undefined) {
        if (this.#freeAtMs > nowMs) {
          this.#timer = setTimeout(() => this.#letGo(), this.#freeAtMs - nowMs);
          this.#timer.unref();
          return;
        }
        this.#freeAtMs = freeAfter(this.#freeAtMs, { nowMs, perSecond });
      }
      this.#waiting.delete(waiter);
      waiter.go();
    }
  }
}
