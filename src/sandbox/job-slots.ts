import { DueQueue } from '../local/sandbox/jobs/due-queue.js';

/** The service's workers: tells when one is free for a job, first come, first served. */
export class JobSlots {
  readonly #busyUntil = new DueQueue<undefined>();

  /** Takes a slot for `takesMs` from `earliest` on, or when one of `limit` is free; returns its start. */
  take(earliest: number, takesMs: number, limit: number | null): number {
    let start = earliest;
    if (limit !== null) {
      while (this.#busyUntil.takeDue(earliest) !== undefined);
      while (this.#busyUntil.size >= limit) {
        start = this.#busyUntil.takeDue(Number.POSITIVE_INFINITY)?.at ?? start;
      }
      this.#busyUntil.push(start + takesMs, undefined);
    }
    return start;
  }
}
