import type { SecondsRange } from '../domain/time/expected-time.js';

/** How long the jobs of a canary took from create to done. */
export interface JobTimes {
  readonly jobs: number;
  readonly shortestMs: number;
  /** The median time. */
  readonly medianMs: number;
  readonly longestMs: number;
  readonly meanMs: number;
}

/** The result of a run's canary; counts alone, since it enters history. */
export interface CanaryResult {
  readonly rows: number;
  /** Those that have got an image. */
  readonly made: number;
  /** Why the others have none, by kind. */
  readonly failuresByKind: Readonly<Record<string, number>>;
  /** Jobs that were made for them. */
  readonly generations: number;
  /** Rows of the run that wait. */
  readonly left: number;
  /** Undefined where none of its jobs was timed. */
  readonly jobTimes?: JobTimes;
  /** What its images and those of the whole run cost, by the prices known when the run was asked for; decimal strings. */
  readonly cost?: { readonly made: string; readonly whole: string; readonly isPartial: boolean };
  /** How long the rows that wait take about; absent where nothing was timed. */
  readonly leftSeconds?: SecondsRange;
}

/** How long jobs took; undefined for none. */
export function jobTimesOf(durationsMs: readonly number[]): JobTimes | undefined {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const [shortestMs] = sorted;
  const longestMs = sorted.at(-1);
  const medianMs = sorted[Math.ceil(sorted.length / 2) - 1];
  if (shortestMs === undefined || longestMs === undefined || medianMs === undefined) return undefined;
  const meanMs = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
  return { jobs: sorted.length, shortestMs, medianMs, longestMs, meanMs };
}
