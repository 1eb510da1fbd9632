/** Jobs by which one judges what is usual. */
const DURATIONS_KEPT = 200;

interface Age {
  readonly sinceMs: number;
  /** Its job was made then, or had been made before. */
  readonly jobByMs: number;
  readonly jobMadeMs?: number;
}

/** Since when each started row of a shard is at its present step, and how long the last jobs took from create to done. */
export class RowAges {
  readonly #ages = new Map<number, Age>();
  readonly #durationsMs: number[] = [];

  /** The last 200 at most, oldest first. Jobs that were made before their row was started are not among them. */
  get durationsMs(): readonly number[] {
    return this.#durationsMs;
  }

  /** Undefined for a row that is not started, or has ended. */
  sinceMs(row: number): number | undefined {
    return this.#ages.get(row)?.sinceMs;
  }

  /** The rows that are longest at their step, longest first. */
  oldest(count: number): readonly { readonly row: number; readonly sinceMs: number }[] {
    const all = Array.from(this.#ages, ([row, { sinceMs }]) => ({ row, sinceMs }));
    return all.toSorted((a, b) => a.sinceMs - b.sinceMs).slice(0, count);
  }

  /** When the job of a started row was made; for one that was made before, when the row was started. */
  jobByMs(row: number): number | undefined {
    return this.#ages.get(row)?.jobByMs;
  }

  start(row: number, nowMs: number): void {
    this.#ages.set(row, { sinceMs: nowMs, jobByMs: nowMs });
  }

  /** Changes nothing for a row that is not started. */
  noteJob(row: number, nowMs: number): void {
    if (this.#ages.has(row)) this.#ages.set(row, { sinceMs: nowMs, jobByMs: nowMs, jobMadeMs: nowMs });
  }

  startCopying(row: number, nowMs: number): void {
    const { jobByMs = nowMs, jobMadeMs } = this.#ages.get(row) ?? {};
    if (jobMadeMs !== undefined) {
      this.#durationsMs.push(nowMs - jobMadeMs);
      if (this.#durationsMs.length > DURATIONS_KEPT) this.#durationsMs.shift();
    }
    this.#ages.set(row, { sinceMs: nowMs, jobByMs });
  }

  end(row: number): void {
    this.#ages.delete(row);
  }
}
