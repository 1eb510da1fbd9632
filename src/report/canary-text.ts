import prettyMs from 'pretty-ms';
import type { CanaryResult } from './canary-result.js';

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
