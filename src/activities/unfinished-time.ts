/** A request's own time limit: no look at a job takes longer. */
const LONGEST_LOOK_MS = 30_000;

/**
 * How long a job has been seen unfinished by answers of the service. Time in which the service did not answer, or in
 * which no one asked since the machine slept or no worker ran, is not in it: the job may have ended unseen.
 */
export class UnfinishedTime {
  #seenMs: number;
  #sinceMs: number | undefined;

  /** `seenMs`: what earlier attempts have seen. */
  constructor(seenMs: number, nowMs: number) {
    this.#seenMs = seenMs;
    this.#sinceMs = nowMs;
  }

  get seenMs(): number {
    return this.#seenMs;
  }

  /** A look after a wait of `waitedMs` showed the job unfinished. What the clock says beyond that wait and one look was sleep, or the clock was set. */
  noteUnfinished(waitedMs: number, nowMs: number): void {
    if (this.#sinceMs !== undefined) {
      this.#seenMs += Math.max(0, Math.min(nowMs - this.#sinceMs, waitedMs + LONGEST_LOOK_MS));
    }
    this.#sinceMs = nowMs;
  }

  /** A look was not answered, or not with the job. */
  noteUnanswered(): void {
    this.#sinceMs = undefined;
  }
}
