import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skippedTimes, skipsToReport } from '../../../../src/schedules/firings/report-skips.js';

const day = (number: number): Date => new Date(Date.UTC(2026, 10, number, 2));

describe('skippedTimes', () => {
  it('takes the newest times for those skipped behind an active run: the first one may wait', () => {
    expect(skippedTimes([day(1), day(2), day(3)], { missed: 0, overlapped: 2 })).toEqual({
      missed: [],
      overlapped: [day(2), day(3)],
    });
  });

  it('takes the oldest times for those missed while the server was down', () => {
    expect(skippedTimes([day(1), day(2), day(3)], { missed: 1, overlapped: 1 })).toEqual({
      missed: [day(1)],
      overlapped: [day(3)],
    });
  });

  it('lists no time twice, no unknown one, and no more than were counted', () => {
    const times = fc.uniqueArray(fc.integer({ min: 1, max: 28 }), { maxLength: 10 });
    const count = fc.nat({ max: 12 });
    fc.assert(
      fc.property(times, count, count, (days, missed, overlapped) => {
        const given = days.toSorted((a, b) => a - b).map(day);
        const skipped = skippedTimes(given, { missed, overlapped });
        const named = [...skipped.missed, ...skipped.overlapped];
        expect(new Set(named).size).toBe(named.length);
        expect(given).toEqual(expect.arrayContaining(named));
        expect(skipped.missed.length).toBe(Math.min(missed, given.length));
        expect(skipped.overlapped.length).toBe(Math.min(overlapped, given.length - skipped.missed.length));
      }),
    );
  });
});

const skips = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ time: day(index + 1), reason: 'It was at work.' }));

describe('skipsToReport', () => {
  it('lists each of a few, and only the newest of many with their number', () => {
    expect(skipsToReport(skips(10))).toEqual(skips(10));
    expect(skipsToReport(skips(11))).toEqual([
      {
        time: day(11),
        reason: 'It was at work. 10 times before it were skipped too, from 2026-11-01T02:00:00.000Z on.',
      },
    ]);
    expect(skipsToReport([])).toEqual([]);
  });
});
