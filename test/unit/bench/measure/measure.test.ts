import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listSchedule } from '../../../../bench/measure/list-schedule.js';
import { parseCpuTimes } from '../../../../bench/measure/process-usage.js';
import { median, quantile } from '../../../../bench/measure/statistics.js';

describe('a list schedule', () => {
  it('starts each job in the slot that is free first', () => {
    expect(listSchedule([3, 1, 2, 2], 2)).toBe(5);
    expect(listSchedule([1, 1, 1, 4], 2)).toBe(5);
    expect(listSchedule([], 3)).toBe(0);
  });

  it('takes as long as the longest job and the average slot, and at most as both together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(100), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (durations, slots) => {
          const longest = Math.max(...durations);
          const average = durations.reduce((sum, one) => sum + one, 0) / slots;
          const time = listSchedule(durations, slots);
          expect(time).toBeGreaterThanOrEqual(Math.max(longest, average));
          expect(time).toBeLessThanOrEqual(longest + average);
        },
      ),
    );
  });
});

describe('the CPU times of a process', () => {
  it('are read behind a name with spaces and parentheses', () => {
    const stat = '77 (a (b) c) S 1 77 77 0 -1 4194304 900 0 0 0 150 50 7 3 20 0 11 0 99 0 0';
    expect(parseCpuTimes(stat)).toEqual({ ownMs: 2_000, childrenMs: 100 });
  });
});

describe('statistics', () => {
  it('take the middle figure, and the one that a share does not exceed', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(
      quantile(
        Array.from({ length: 100 }, (_, index) => index),
        0.95,
      ),
    ).toBe(95);
  });

  it('of no figures, or of incomplete ones, are undefined', () => {
    expect(median([])).toBeUndefined();
    expect(median([1, undefined])).toBeUndefined();
  });
});
