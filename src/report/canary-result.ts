import prettyMs from 'pretty-ms';
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

/** The result of a canary, in a few sentences for a person: numbers alone. */
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
