/** A clock that is stopped while something stops the batch. To be followed up after each change of that. */
export class FreeClock {
  readonly #madeMs = Date.now();
  readonly #isStopped: () => boolean;
  #passedMs = 0;
  /** Undefined while it is stopped. */
  #runsSinceMs: number | undefined;

  constructor(isStopped: () => boolean) {
    this.#isStopped = isStopped;
    this.follow();
  }

  /** Milliseconds that have passed unstopped since this clock was made. */
  get nowMs(): number {
    return this.#passedMs + (this.#runsSinceMs === undefined ? 0 : Date.now() - this.#runsSinceMs);
  }

  /** Milliseconds that it has stood still. */
  get stoppedMs(): number {
    return Date.now() - this.#madeMs - this.nowMs;
  }

  follow(): void {
    this.#passedMs = this.nowMs;
    this.#runsSinceMs = this.#isStopped() ? undefined : Date.now();
  }
}
