import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { likelyEnds } from '../../../../src/domain/time/job-durations.js';

const times = (minLength: number) => fc.array(fc.nat(3_600_000), { minLength, maxLength: 60 });
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

it('each stretch lies after the create, and all chances add up to a little less than 1', () => {
  fc.assert(
    fc.property(times(1), times(0), (tookMs, unfinishedMs) => {
      const ends = likelyEnds({ tookMs, unfinishedMs });
      for (const { fromMs, toMs, chance } of ends) {
        expect(fromMs).toBeGreaterThanOrEqual(0);
        expect(toMs).toBeGreaterThanOrEqual(fromMs);
        expect(chance).toBeGreaterThan(0);
      }
      const total = sum(ends.map(({ chance }) => chance));
      expect(total).toBeGreaterThan(0.998);
      expect(total).toBeLessThan(1);
    }),
  );
});

it('each of n ended jobs stands for one in n + 1, around its end, and the one more for later', () => {
  fc.assert(
    fc.property(times(1), (tookMs) => {
      const ends = likelyEnds({ tookMs, unfinishedMs: [] });
      const longestMs = Math.max(...tookMs);
      const later = ends.slice(2 * tookMs.length);
      expect(later.every(({ fromMs }) => fromMs >= longestMs)).toBe(true);
      for (const { chance } of ends.slice(0, 2 * tookMs.length))
        expect(chance).toBeCloseTo(1 / (tookMs.length + 1) / 2, 9);
    }),
  );
});

it('a running job makes no end likely before it was seen unfinished, and all later ends likelier', () => {
  const without = likelyEnds({ tookMs: [8_000, 9_000, 20_000], unfinishedMs: [] });
  const withRunning = likelyEnds({ tookMs: [8_000, 9_000, 20_000], unfinishedMs: [10_000, 10_000] });
  const chances = (ends: typeof without): readonly number[] => ends.map(({ chance }) => chance);
  const by = chances(withRunning).map((chance, place) => chance / (chances(without)[place] ?? NaN));
  // Six jobs instead of four; the two that run are shared by the one end after them and the job that is not known.
  expect(by.slice(0, 4).every((ratio) => Math.abs(ratio - 4 / 6) < 1e-9)).toBe(true);
  expect(by.slice(4).every((ratio) => Math.abs(ratio - 8 / 6) < 1e-9)).toBe(true);
});

it('jobs that run longer than all that have ended are expected to take twice as long as they have run', () => {
  const ends = likelyEnds({ tookMs: [5_000], unfinishedMs: Array(98).fill(20_000) });
  const late = ends.filter(({ fromMs }) => fromMs >= 20_000);
  const chance = sum(late.map((end) => end.chance));
  expect(chance).toBeGreaterThan(0.97);
  const meanMs = sum(late.map((end) => (end.chance * (end.fromMs + end.toMs)) / 2)) / chance;
  expect(meanMs).toBeGreaterThan(36_000);
  expect(meanMs).toBeLessThan(44_000);
});
