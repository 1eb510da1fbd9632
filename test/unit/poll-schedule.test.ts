import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextPollDelayMs } from '../../src/domain/poll-schedule.js';

const input = fc.record({
  ageMs: fc.nat(10 * 86_400_000),
  polls: fc.integer({ min: 1, max: 10_000 }),
  usualMs: fc.option(fc.nat(3_600_000), { nil: undefined }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

const at = (ageMs: number): number => nextPollDelayMs({ ageMs, polls: 5, usualMs: 10_000, random: 0.5 });

describe('polls of a job', () => {
  it('come no more often than about every 2 s and no less often than about every 15 s', () => {
    fc.assert(
      fc.property(input, (one) => {
        const delayMs = nextPollDelayMs(one);
        expect(delayMs).toBeGreaterThanOrEqual(2_000);
        expect(delayMs).toBeLessThanOrEqual(15_000 * 1.1);
      }),
    );
  });

  it('begin about when such jobs are usually done, at once where that is past', () => {
    fc.assert(
      fc.property(input, (one) => {
        const first = nextPollDelayMs({ ...one, polls: 0 });
        const usualMs = one.usualMs ?? 5_000;
        expect(first).toBeGreaterThanOrEqual(Math.max(200, usualMs - one.ageMs));
        expect(first).toBeLessThanOrEqual(Math.max(200, usualMs * 1.1 - one.ageMs));
      }),
    );
  });

  it('grow rarer the longer a job is overdue', () => {
    expect(at(20_000)).toBeCloseTo(2_100);
    expect(at(70_000)).toBeCloseTo(2_100);
    expect(at(170_000)).toBeGreaterThan(at(120_000));
    expect(at(3_600_000)).toBeCloseTo(15_750);
  });
});
