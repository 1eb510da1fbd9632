import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOverdue, usualMs } from '../../../src/status/oldest-rows.js';

describe('the usual time of jobs', () => {
  it('is that within which 19 of 20 ended, and unknown for fewer than 20', () => {
    const durations = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(usualMs(durations.toReversed())).toBe(95);
    expect(usualMs(durations.slice(0, 20))).toBe(19);
    expect(usualMs(durations.slice(0, 19))).toBeUndefined();
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 20 }), (some) => {
        const usual = usualMs(some) ?? -1;
        expect(some).toContain(usual);
        expect(some.filter((duration) => duration <= usual).length).toBeGreaterThanOrEqual(
          some.length * 0.95,
        );
      }),
    );
  });

  it('makes a row overdue at twice that, after at least a minute, or after five if unknown', () => {
    expect([60, 61].map((age) => isOverdue(age, 12))).toEqual([false, true]);
    expect([240, 241].map((age) => isOverdue(age, 120))).toEqual([false, true]);
    expect([300, 301].map((age) => isOverdue(age, undefined))).toEqual([false, true]);
  });
});
