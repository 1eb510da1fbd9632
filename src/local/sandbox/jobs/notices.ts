/** How clients noticed the ends of jobs. */
export interface NoticeStats {
  readonly jobs: number;
  /** Average number of polls of a job up to the first that showed its end; 0 without any. */
  readonly pollsToEnd: number;
  /** Median time from a job's end to that poll, of the last ten thousand; 0 without any. */
  readonly medianMs: number;
  readonly p95Ms: number;
}

const KEPT = 10_000;

/** Collects how each job's end was noticed. */
export class Notices {
  readonly #afterMs: number[] = [];
  #jobs = 0;
  #polls = 0;

  add({
    pollsToEnd,
    noticedAfterMs,
  }: {
    readonly pollsToEnd: number;
    readonly noticedAfterMs: number;
  }): void {
    this.#afterMs[this.#jobs % KEPT] = noticedAfterMs;
    this.#jobs += 1;
    this.#polls += pollsToEnd;
  }

  read(): NoticeStats {
    const sorted = this.#afterMs.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    const pollsToEnd = this.#jobs === 0 ? 0 : this.#polls / this.#jobs;
    return { jobs: this.#jobs, pollsToEnd, medianMs: at(0.5), p95Ms: at(0.95) };
  }
}
