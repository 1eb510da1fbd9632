import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answeredLateMs,
  nextPollDelayMs,
  stillEarlyMs,
  unknownPollPlan,
} from '../../../../src/domain/time/poll-schedule.js';
import { pollPlanOf, type PollPlan } from '../../../../src/domain/time/poll-table.js';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const plan = fc
  .array(fc.nat(3_600_000), { maxLength: 40 })
  .map((tookMs): PollPlan => pollPlanOf({ tookMs, unfinishedMs: [] }, 3.5) ?? unknownPollPlan());

const at = (unfinishedMs: number): number =>
  nextPollDelayMs({ ageMs: unfinishedMs, unfinishedMs, polls: 5, plan: unknownPollPlan(), random: 0.5 });

describe('polls of a job', () => {
  it('come no more often than every 0.5 s and no less often than every 15 s, however long it runs', () => {
    const input = fc.record({
      unfinishedMs: fc.nat(10 * 86_400_000),
      waitedMs: fc.nat(60_000),
      polls: fc.integer({ min: 1 }),
      plan,
      random,
    });
    fc.assert(
      fc.property(input, ({ waitedMs, ...one }) => {
        const delayMs = nextPollDelayMs({ ...one, ageMs: one.unfinishedMs + waitedMs });
        expect(delayMs).toBeGreaterThanOrEqual(500);
        expect(delayMs).toBeLessThanOrEqual(15_000);
      }),
    );
  });

  it('begin when the plan says, within 2 s where that is past', () => {
    const input = fc.record({ ageMs: fc.nat(3_600_000), plan, random });
    fc.assert(
      fc.property(input, (one) => {
        const { firstMs } = one.plan;
        const first = nextPollDelayMs({ ...one, unfinishedMs: 0, polls: 0 });
        expect(first).toBeGreaterThanOrEqual(Math.max(200, firstMs * 0.975 - one.ageMs));
        expect(first).toBeLessThanOrEqual(Math.max(2_200, firstMs * 1.025 - one.ageMs));
      }),
    );
  });

  it('come about every 2 s for jobs of unknown kinds, and grow rarer the longer a job is overdue', () => {
    expect(at(20_000)).toBe(2_000);
    expect(at(85_000)).toBe(6_000);
    expect(at(3_600_000)).toBe(15_000);
  });

  it('wait longer where what was learned since makes them early', () => {
    const wait = { ageMs: 5_000, unfinishedMs: 0, polls: 0, random: 0.5 };
    expect(stillEarlyMs({ ...wait, plan: unknownPollPlan(12_000) })).toBe(7_000);
    expect(stillEarlyMs({ ...wait, plan: unknownPollPlan(5_400) })).toBe(0);
    expect(stillEarlyMs({ ...wait, polls: 1, unfinishedMs: 4_800, plan: unknownPollPlan() })).toBe(1_800);
  });
});

describe('a job of whose create was heard late', () => {
  it('is older by that, where the clocks of workers can be compared', () => {
    expect(answeredLateMs(2_500, 400)).toBe(2_100);
    expect(answeredLateMs(undefined, 400)).toBe(0);
    for (const off of [-3_600_000, 3_600_000]) expect(answeredLateMs(2_500 + off, 400)).toBe(0);
  });
});
