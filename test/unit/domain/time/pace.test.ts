import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createsNotBeforeMs,
  fullAgainMs,
  nextGrowthMs,
  pacedConcurrency,
  periodsInForce,
  withSlowPeriod,
  type SlowPeriod,
} from '../../../../src/domain/time/pace.js';

const period = fc
  .tuple(fc.nat(600_000), fc.nat(60_000))
  .map(([metAtMs, waitMs]) => ({ metAtMs, untilMs: metAtMs + waitMs }));
const requested = fc.integer({ min: 1, max: 10_000 });
const met = (periods: readonly SlowPeriod[]): readonly SlowPeriod[] =>
  periods.reduce(withSlowPeriod, [] as readonly SlowPeriod[]);

/** The reduced value of 1,000 after five minutes in which every wait ended in another one. */
function paceUnderRefusals(waitMs: number): number {
  const refused = Array.from({ length: 300_000 / waitMs }, (_, n) => ({
    metAtMs: n * (waitMs + 1),
    untilMs: (n + 1) * (waitMs + 1) - 1,
  }));
  return pacedConcurrency(1_000, met(refused), 300_000);
}

describe('the pace of a batch after 429s', () => {
  it('is never above the requested concurrency and never below 1', () => {
    fc.assert(
      fc.property(
        fc.array(period, { maxLength: 60 }),
        requested,
        fc.nat(2_000_000),
        (periods, most, nowMs) => {
          const paced = pacedConcurrency(most, met(periods), nowMs);
          expect(Number.isInteger(paced)).toBe(true);
          expect(paced).toBeGreaterThanOrEqual(1);
          expect(paced).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  it('is not changed by repeated messages', () => {
    fc.assert(
      fc.property(fc.array(period, { minLength: 1, maxLength: 15 }), (periods) => {
        const inOrder = periods.toSorted((a, b) => a.metAtMs - b.metAtMs);
        expect(met(inOrder.flatMap((one) => [one, one]))).toEqual(met(inOrder));
      }),
    );
  });

  it('falls to an eighth, under short and long waits, while the service keeps refusing', () => {
    expect([1_000, 5_000, 30_000].map(paceUnderRefusals)).toEqual([125, 125, 125]);
  });

  it('is halved once for all 429s of one Retry-After', () => {
    const burst = fc.tuple(
      period.filter(({ metAtMs, untilMs }) => untilMs - metAtMs > 1_000),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
    );
    fc.assert(
      fc.property(burst, requested, (data, most) => {
        const [{ metAtMs, untilMs }, shares] = data;
        const others = shares.map((share) => ({
          metAtMs: metAtMs + share * (untilMs - metAtMs),
          untilMs,
        }));
        const periods = met([{ metAtMs, untilMs }, ...others]);
        expect(pacedConcurrency(most, periods, untilMs)).toBe(Math.max(1, Math.floor(most / 2)));
        expect(createsNotBeforeMs(periods)).toBe(untilMs);
      }),
    );
  });

  it('is halved again by a later 429, but not before rows had time to end', () => {
    const first = { metAtMs: 0, untilMs: 5_000 };
    const at = (metAtMs: number): number => {
      const again = { metAtMs, untilMs: metAtMs + 5_000 };
      return pacedConcurrency(100, met([first, again]), again.untilMs);
    };
    expect([at(6_000), at(31_000)]).toEqual([50, 25]);
  });

  it('recovers within five minutes and the requested wait, never falling on the way', () => {
    fc.assert(
      fc.property(fc.array(period, { minLength: 1, maxLength: 60 }), requested, (some, most) => {
        const periods = met(some);
        const quietMs = createsNotBeforeMs(periods);
        const paces: number[] = [];
        let nowMs = quietMs;
        for (let next = nextGrowthMs(periods, nowMs); next; next = nextGrowthMs(periods, nowMs)) {
          expect(next).toBeGreaterThan(nowMs);
          expect(fullAgainMs(periods, nowMs)).toBeGreaterThanOrEqual(next);
          paces.push(pacedConcurrency(most, periods, nowMs));
          nowMs = next;
        }
        expect(paces.length).toBeLessThanOrEqual(5);
        expect(nowMs - quietMs).toBeLessThanOrEqual(5 * 60_000);
        expect(pacedConcurrency(most, periods, nowMs)).toBe(most);
        expect([...paces, most]).toEqual([...paces, most].toSorted((a, b) => a - b));
        expect(periodsInForce(periods, quietMs + 300_000)).toEqual([]);
      }),
    );
  });

  it('recovers within a minute after short waits', () => {
    const periods = met([
      { metAtMs: 0, untilMs: 1_000 },
      { metAtMs: 2_000, untilMs: 3_000 },
    ]);
    expect([3_000, 13_000, 63_000].map((nowMs) => pacedConcurrency(100, periods, nowMs))).toEqual([
      50, 70, 100,
    ]);
  });

  it('follows a changed concurrency while it is lowered', () => {
    const periods = met([{ metAtMs: 0, untilMs: 10_000 }]);
    expect([100, 20, 1].map((most) => pacedConcurrency(most, periods, 10_000))).toEqual([50, 10, 1]);
  });
});
