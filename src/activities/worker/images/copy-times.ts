const FEWEST_COPIES = 8;
/** By which share one copy moves the average. */
const STEP = 1 / 16;
/** What a copy that failed counts as. */
const FAILED_MS = 10_000;

/** How long this worker takes to copy an image, from its URL to the bucket, on average of late. */
export class CopyTimes {
  readonly #quickMs: number;
  #copies = 0;
  #averageMs = 0;

  constructor({ quickCopyMs }: { readonly quickCopyMs: number }) {
    this.#quickMs = quickCopyMs;
  }

  /** Whether a row may keep its slot for the copy. False until some copies were measured. */
  get areQuick(): boolean {
    return this.#copies >= FEWEST_COPIES && this.#averageMs <= this.#quickMs;
  }

  /** Makes one copy and measures it. */
  async measure<T>(copy: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      const result = await copy();
      this.#note(performance.now() - startedAt);
      return result;
    } catch (error) {
      this.#note(FAILED_MS);
      throw error;
    }
  }

  #note(tookMs: number): void {
    this.#copies += 1;
    this.#averageMs += (tookMs - this.#averageMs) * Math.max(1 / this.#copies, STEP);
  }
}
