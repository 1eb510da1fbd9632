/** Number of jobs from which usual durations are derived. */
const DURATIONS_KEPT = 200;

interface Age {
  readonly sinceMs: number;
  readonly jobMadeMs?: number;
}

/** Since when each started row of a shard is at its present step, and the durations of the last jobs. */
export class RowAges {
  readonly #ages = new Map<number, Age>();
  readonly #durationsMs: number[] = [];

  /** Time from create to done, at most the last 200, oldest first; without jobs made before their row was started. */
  get durationsMs(): readonly number[] {
    return this.#durationsMs;
  }

  /** Undefined if the row has not started or has ended. */
  sinceMs(row: number): number | undefined {
    return this.#ages.get(row)?.sinceMs;
  }

  /** The rows that are longest at their step, longest first. */
  oldest(count: number): readonly { readonly row: number; readonly sinceMs: number }[] {
    const all = Array.from(this.#ages, ([row, { sinceMs }]) => ({ row, sinceMs }));
    return all.toSorted((a, b) => a.sinceMs - b.sinceMs).slice(0, count);
  }

  start(row: number, nowMs: number): void {
    this.#ages.set(row, { sinceMs: nowMs });
  }

  /** No effect if the row has not started. */
  noteJob(row: number, nowMs: number): void {
    if (this.#ages.has(row)) this.#ages.set(row, { sinceMs: nowMs, jobMadeMs: nowMs });
  }

  startCopying(row: number, nowMs: number): void {
    const { jobMadeMs } = this.#ages.get(row) ?? {};
    if (jobMadeMs !== undefined) {
      this.#durationsMs.push(nowMs - jobMadeMs);
      if (this.#durationsMs.length > DURATIONS_KEPT) this.#durationsMs.shift();
    }
    this.#ages.set(row, { sinceMs: nowMs });
  }

  end(row: number): void {
    this.#ages.delete(row);
  }
}
