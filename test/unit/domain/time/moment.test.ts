import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { momentIn } from '../../../../src/domain/time/moment.js';

const shown = (instant: string, zone: string): string => {
  const { date, time } = momentIn(new Date(instant), zone);
  return `${date} ${time}`;
};

describe('momentIn', () => {
  test.each([
    ['2026-11-23T02:00:00Z', 'UTC', '2026-11-23 02:00'],
    ['2026-11-22T23:59:59.999Z', 'UTC', '2026-11-22 23:59'],
    ['2026-12-31T23:30:00Z', 'Europe/Berlin', '2027-01-01 00:30'],
    ['2027-01-01T01:30:00Z', 'America/New_York', '2026-12-31 20:30'],
    ['2026-06-01T00:00:00Z', 'Asia/Kathmandu', '2026-06-01 05:45'],
    ['2026-06-01T12:00:00Z', 'Pacific/Kiritimati', '2026-06-02 02:00'],
    ['2028-02-29T12:00:00Z', 'Asia/Tehran', '2028-02-29 15:30'],
    ['9999-12-31T23:59:00Z', 'UTC', '9999-12-31 23:59'],
    ['0042-03-04T05:06:00Z', 'UTC', '0042-03-04 05:06'],
  ])('at %s clocks in %s show a day of 24 hours: %s', (instant, zone, expected) => {
    expect(shown(instant, zone)).toBe(expected);
  });

  test.each([
    [
      'Europe/Berlin, where an hour is missing',
      'Europe/Berlin',
      ['2026-03-29T00:59:00Z', '2026-03-29 01:59'],
      ['2026-03-29T01:00:00Z', '2026-03-29 03:00'],
    ],
    [
      'Europe/Berlin, where an hour comes twice',
      'Europe/Berlin',
      ['2026-10-25T00:30:00Z', '2026-10-25 02:30'],
      ['2026-10-25T01:30:00Z', '2026-10-25 02:30'],
    ],
    [
      'New York, where an hour is missing',
      'America/New_York',
      ['2026-03-08T06:59:00Z', '2026-03-08 01:59'],
      ['2026-03-08T07:00:00Z', '2026-03-08 03:00'],
    ],
    [
      'New York, where an hour comes twice',
      'America/New_York',
      ['2026-11-01T05:30:00Z', '2026-11-01 01:30'],
      ['2026-11-01T06:30:00Z', '2026-11-01 01:30'],
    ],
  ])('clocks change in %s', (_where, zone, ...instants) => {
    for (const [instant = '', expected] of instants) expect(shown(instant, zone)).toBe(expected);
  });

  test('in UTC a moment is the ISO 8601 time of the instant', () => {
    const instant = fc.date({
      min: new Date('0001-01-01'),
      max: new Date('9999-12-31'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instant, (date) => {
        expect(momentIn(date, 'UTC')).toEqual({
          date: date.toISOString().slice(0, 10),
          time: date.toISOString().slice(11, 16),
        });
      }),
    );
  });

  test('an unknown zone is an error', () => {
    expect(() => momentIn(new Date(0), 'Europe/Bielefeld')).toThrow(RangeError);
  });
});
