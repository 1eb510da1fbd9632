import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterFault, FRESH_BUDGET } from '../../../../src/domain/batch/fault-budget.js';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the retry budget for temporary faults', () => {
  it('ends with the first fault past its limit, so a step fails for at most that and one delay', () => {
    const faults = fc.array(fc.record({ tryMs: fc.nat(60_000), random }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(faults, fc.integer({ min: 1, max: 600_000 }), (all, limitMs) => {
        let budget = FRESH_BUDGET;
        let spentMs = 0;
        for (const { tryMs, random: share } of all) {
          spentMs += tryMs;
          const next = afterFault({ budget, tryMs, limitMs, retryAfterMs: undefined, random: share });
          expect(next.kind).toBe(spentMs >= limitMs ? 'exhausted' : 'retry');
          if (next.kind === 'exhausted') return;
          expect(next.delayMs).toBeGreaterThanOrEqual(500);
          expect(next.delayMs).toBeLessThanOrEqual(30_000);
          spentMs += next.delayMs;
          budget = next.budget;
          expect(budget.spentMs).toBeCloseTo(spentMs, 3);
        }
      }),
    );
  });

  it('waits as long as the service asked for, or gives up if that is longer than what is left', () => {
    fc.assert(
      fc.property(
        fc.nat(86_400_000),
        fc.nat(20),
        fc.integer({ min: 1, max: 86_400_000 }),
        random,
        (retryAfterMs, tries, limitMs, share) => {
          const budget = { spentMs: 0, tries };
          const next = afterFault({ budget, tryMs: 0, limitMs, retryAfterMs, random: share });
          expect(next.kind).toBe(retryAfterMs >= limitMs ? 'exhausted' : 'retry');
          expect(next.kind === 'exhausted' || next.delayMs >= retryAfterMs).toBe(true);
        },
      ),
    );
  });

  it('doubles its delays up to half a minute', () => {
    const delays: number[] = [];
    let budget = FRESH_BUDGET;
    for (let tries = 0; tries < 8; tries++) {
      const next = afterFault({ budget, tryMs: 0, limitMs: 1e9, retryAfterMs: undefined, random: 0 });
      if (next.kind !== 'retry') throw new Error('the limit is far away');
      delays.push(next.delayMs);
      budget = next.budget;
    }
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });
});
