import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { likelyEnds, type LikelyEnd, type SeenDurations } from '../../../../src/domain/time/job-durations.js';
import { pollPlanOf } from '../../../../src/domain/time/poll-table.js';

const seen = fc.record({
  tookMs: fc.array(fc.nat(120_000), { minLength: 5, maxLength: 60 }),
  unfinishedMs: fc.array(fc.nat(120_000), { maxLength: 20 }),
});
const allowed = fc.double({ min: 1.5, max: 5, noNaN: true });

/** Polls and delay of a job on average, if it is polled at these times and its end is as likely as that. */
function expectedOf(ends: readonly LikelyEnd[], pollsMs: readonly number[]) {
  let [polls, lateMs] = [0, 0];
  for (const { fromMs, toMs, chance } of ends) {
    // Twenty moments of each stretch stand for all.
    for (let part = 0; part < 20; part++) {
      const endMs = fromMs + ((toMs - fromMs) * (part + 0.5)) / 20;
      const place = pollsMs.findIndex((pollMs) => pollMs >= endMs);
      if (place === -1) continue;
      polls += ((place + 1) * chance) / 20;
      lateMs += (((pollsMs[place] ?? 0) - endMs) * chance) / 20;
    }
  }
  return { polls, lateMs };
}

function pollsOf(known: SeenDurations, most: number, untilMs = 4_000_000): readonly number[] {
  const plan = pollPlanOf(known, most);
  if (!plan) throw new Error('No plan.');
  const polls = [plan.firstMs];
  for (let pollMs = plan.firstMs; pollMs < untilMs; polls.push(pollMs)) pollMs = plan.nextMs(pollMs);
  return polls;
}

const spread = (fromMs: number, toMs: number, count = 200): SeenDurations => ({
  tookMs: Array.from({ length: count }, (_, job) => fromMs + ((toMs - fromMs) * (job + 0.5)) / count),
  unfinishedMs: [],
});

describe('a plan of polls', () => {
  it('begins with five known ends', () => {
    expect(pollPlanOf({ tookMs: [1, 2, 3, 4], unfinishedMs: [1, 2, 3, 4] }, 3.5)).toBeUndefined();
    expect(pollPlanOf({ tookMs: [1, 2, 3, 4, 5], unfinishedMs: [] }, 3.5)).toBeDefined();
  });

  it('has intervals of 0.5 to 15 s, and polls first at most 15 s after one of twenty jobs has ended', () => {
    fc.assert(
      fc.property(seen, allowed, (known, most) => {
        const polls = pollsOf(known, most, 600_000);
        const gaps = polls.slice(1).map((pollMs, place) => pollMs - (polls[place] ?? 0));
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(499.999);
        expect(Math.max(...gaps)).toBeLessThanOrEqual(15_000.001);
        const before = sumOf(likelyEnds(known).filter(({ toMs }) => toMs <= (polls[0] ?? 0) - 15_500));
        expect(before).toBeLessThanOrEqual(0.05);
      }),
      { numRuns: 50 },
    );
  });

  it('polls a job of any age, also one whose polls failed for long', () => {
    fc.assert(
      fc.property(seen, allowed, fc.nat(10 * 86_400_000), (known, most, unfinishedMs) => {
        const nextMs = pollPlanOf(known, most)?.nextMs(unfinishedMs) ?? NaN;
        const { firstMs = NaN } = pollPlanOf(known, most) ?? {};
        expect(nextMs).toBeGreaterThanOrEqual(unfinishedMs + 500);
        expect(nextMs).toBeLessThanOrEqual(Math.max(firstMs, unfinishedMs + 15_000) + 250);
      }),
      { numRuns: 50 },
    );
  });

  it('takes no more polls than allowed, where jobs are alike enough', () => {
    const known = fc
      .tuple(fc.integer({ min: 8_000, max: 300_000 }), fc.nat(30_000))
      .map(([fromMs, more]) => spread(fromMs, fromMs + more));
    fc.assert(
      fc.property(known, fc.double({ min: 2.5, max: 4, noNaN: true }), (known, most) => {
        const { polls } = expectedOf(likelyEnds(known), pollsOf(known, most));
        expect(polls).toBeLessThanOrEqual(most + 0.1);
      }),
      { numRuns: 30 },
    );
  });

  it('takes at most a poll every 2 s of what jobs last, and half a poll', () => {
    for (const fromMs of [500, 2_000, 4_000]) {
      const known = spread(fromMs, 2 * fromMs);
      const { polls } = expectedOf(likelyEnds(known), pollsOf(known, 3.5));
      expect(polls).toBeLessThanOrEqual((1.5 * fromMs) / 2_000 + 0.7);
    }
  });

  it('sees ends no later on average than any other times with as many polls', () => {
    const gaps = fc.array(fc.integer({ min: 500, max: 15_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(seen, allowed, fc.nat(40_000), gaps, (known, most, firstMs, gaps) => {
        const ends = likelyEnds(known);
        const own = expectedOf(ends, pollsOf(known, most));
        const others = [firstMs];
        for (let place = 0; (others.at(-1) ?? 0) < 4_000_000; place++)
          others.push((others.at(-1) ?? 0) + (gaps[place % gaps.length] ?? 500));
        const other = expectedOf(ends, others);
        // Times of the table are a quarter of a second apart.
        expect(other.polls > own.polls || other.lateMs >= own.lateMs - 250).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('polls more often towards the latest usual end, and less and less after it', () => {
    const polls = pollsOf(spread(8_000, 25_000), 3.5, 300_000);
    const gapAfter = (ageMs: number): number => {
      const place = polls.findIndex((pollMs) => pollMs >= ageMs);
      return (polls[place + 1] ?? 0) - (polls[place] ?? 0);
    };
    expect(gapAfter(10_000)).toBeGreaterThan(gapAfter(16_000));
    expect(gapAfter(16_000)).toBeGreaterThan(gapAfter(22_000));
    expect(gapAfter(27_000)).toBeGreaterThan(2_000);
    expect(gapAfter(60_000)).toBeGreaterThan(gapAfter(27_000));
    expect(gapAfter(250_000)).toBe(15_000);
  });
});

function sumOf(ends: readonly LikelyEnd[]): number {
  return ends.reduce((sum, { chance }) => sum + chance, 0);
}
