/** A clock that stops while something stops the batch. Update it after each change of that. */
export class FreeClock {
  readonly #madeMs = Date.now();
  readonly #isStopped: () => boolean;
  #passedMs = 0;
  /** Undefined while the clock is stopped. */
  #runsSinceMs: number | undefined;

  constructor(isStopped: () => boolean) {
    this.#isStopped = isStopped;
    this.follow();
  }

  /** Milliseconds that the clock has run since it was made. */
  get nowMs(): number {
    return this.#passedMs + (this.#runsSinceMs === undefined ? 0 : Date.now() - this.#runsSinceMs);
  }

  /** Milliseconds that the clock was stopped. */
  get stoppedMs(): number {
    return Date.now() - this.#madeMs - this.nowMs;
  }

  follow(): void {
    this.#passedMs = this.nowMs;
    this.#runsSinceMs = this.#isStopped() ? undefined : Date.now();
  }
}
