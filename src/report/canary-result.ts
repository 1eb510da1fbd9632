import prettyMs from 'pretty-ms';
import type { SecondsRange } from '../domain/time/expected-time.js';

/** Durations of a canary's jobs from create to done. */
export interface JobTimes {
  readonly jobs: number;
  readonly shortestMs: number;
  /** The median time. */
  readonly medianMs: number;
  readonly longestMs: number;
  readonly meanMs: number;
}

/** The result of a run's canary; only counts, since it enters the history. */
export interface CanaryResult {
  readonly rows: number;
  /** Rows that got an image. */
  readonly made: number;
  /** Failures of the others, by kind. */
  readonly failuresByKind: Readonly<Record<string, number>>;
  /** Number of jobs that were made for them. */
  readonly generations: number;
  /** Rows of the run that wait. */
  readonly left: number;
  /** Undefined if none of its jobs was timed. */
  readonly jobTimes?: JobTimes;
  /** The cost of its images and of the whole run, by the prices known at the request; decimal strings. */
  readonly cost?: { readonly made: string; readonly whole: string; readonly isPartial: boolean };
  /** Estimated time for the waiting rows; absent if nothing was timed. */
  readonly leftSeconds?: SecondsRange;
}

/** Durations of jobs; undefined without any. */
export function jobTimesOf(durationsMs: readonly number[]): JobTimes | undefined {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const [shortestMs] = sorted;
  const longestMs = sorted.at(-1);
  const medianMs = sorted[Math.ceil(sorted.length / 2) - 1];
  if (shortestMs === undefined || longestMs === undefined || medianMs === undefined) return undefined;
  const meanMs = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
  return { jobs: sorted.length, shortestMs, medianMs, longestMs, meanMs };
}

/** The result of a canary as text for users: only numbers. */
export function canaryText(result: CanaryResult): string {
  const { rows, made, failuresByKind, left, jobTimes, cost, leftSeconds } = result;
  const kinds = Object.entries(failuresByKind).map(([kind, count]) => `${count} ${kind}`);
  const failed = kinds.length > 0 ? `, ${kinds.join(', ')}` : '';
  const sentences = [`${made} of ${rows} images made${failed}.`];
  if (jobTimes) {
    const { jobs, shortestMs, medianMs, longestMs } = jobTimes;
    sentences.push(
      jobs === 1
        ? `The job took ${short(medianMs)}.`
        : `Jobs took ${short(shortestMs)} to ${short(longestMs)} (median ${short(medianMs)}).`,
    );
  }
  if (cost) sentences.push(costText(cost));
  const wait = `${left.toLocaleString('en')} ${left === 1 ? 'row is' : 'rows are'} waiting`;
  const [low, high] = (leftSeconds ?? []).map((seconds) =>
    prettyMs(seconds * 1000, { secondsDecimalDigits: 0 }),
  );
  sentences.push(low === undefined ? `${wait}.` : `${wait}: about ${low} to ${high}.`);
  return sentences.join(' ');
}

function costText({ made, whole, isPartial }: NonNullable<CanaryResult['cost']>): string {
  const more = isPartial ? ' and more (BANANA_PRICES lacks some prices)' : '';
  return `Cost so far ${made}, whole run about ${whole}${more}.`;
}

function short(durationMs: number): string {
  return prettyMs(durationMs, { secondsDecimalDigits: 1, unitCount: 2 });
}
