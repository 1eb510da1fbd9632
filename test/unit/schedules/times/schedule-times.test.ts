import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { momentIn } from '../../../../src/domain/time/moment.js';
import { parseCronLine } from '../../../../src/schedules/times/cron-line.js';
import { nextTimes, timesText } from '../../../../src/schedules/times/schedule-times.js';
import { timeGiven } from '../../../../src/schedules/times/time-given.js';
import {
  instantsAt,
  nearTimeZones,
  parseTimeZone,
  zonedText,
} from '../../../../src/schedules/times/time-zone.js';

function problemOf(text: string): string {
  const line = parseCronLine(text);
  return line.kind === 'problem' ? line.problem : `taken as ${line.cron}`;
}

describe('a cron line', () => {
  it.each([
    ['0 2 * * *', '0 2 * * *'],
    ['  */15  9-17 1,15 jan-mar *  ', '*/15 9-17 1,15 jan-mar *'],
    ['0 6 * * MON-FRI', '0 6 * * MON-FRI'],
    ['0 6 * * 7', '0 6 * * 7'],
    ['@daily', '0 0 * * *'],
    ['@WEEKLY', '0 0 * * 0'],
  ])('"%s" is accepted', (text, cron) => {
    expect(parseCronLine(text)).toEqual({ kind: 'cron', cron });
  });

  it.each([
    ['', /0 fields, but five/],
    ['0 2 * *', /4 fields, but five/],
    // Temporal reads the sixth as a year, others as seconds.
    ['0 0 2 * * *', /6 fields, but five/],
    ['61 2 * * *', /"61" is not a valid minute: expected 0–59/],
    ['0 24 * * *', /"24" is not a valid hour/],
    ['0 2 32 * *', /"32" is not a valid day of the month/],
    ['0 2 * funuary *', /"funuary" is not a valid month/],
    ['0 2 * * 8', /"8" is not a valid day of the week/],
    // Temporal reads what follows # as a comment: every Monday instead of the first.
    ['0 2 * * 1#1', /"1#1" is not a valid day of the week/],
    ['0 2 L * *', /"L" is not a valid day of the month/],
    ['0 2 ? * 1', /"\?" is not a valid day of the month/],
    ['0 22-4 * * *', /"22-4" is not a valid hour/],
    // Temporal runs only if both match.
    ['0 2 1 * 1', /only when both do/],
    ['0 2 */2 * 1', /only when both do/],
    ['0 2 30 2 *', /that day does not exist/],
    ['CRON_TZ=Europe/Berlin 0 2 * * *', /--timezone/],
    ['@every 1h', /--every/],
    ['@reboot', /there is no shorthand @reboot/],
  ])('"%s" is refused with the reason', (text, reason) => {
    expect(problemOf(text)).toMatch(reason);
  });
});

describe('the times of a schedule', () => {
  it('are described in words, with the zone', () => {
    const daily = { kind: 'cron' as const, expressions: ['0 2 * * *', '30 6 * * 1'] };
    expect(timesText(daily, 'Europe/Berlin')).toBe(
      'At 02:00, every day; At 06:30, only on Monday (Europe/Berlin)',
    );
    const sixHourly = { kind: 'every', everyMs: 6 * 3600_000, offsetMs: 30 * 60_000 } as const;
    expect(timesText(sixHourly, 'UTC')).toBe('Every 6h, with an offset of 30m');
  });

  it('are merged from all cron lines', () => {
    const times = { kind: 'cron' as const, expressions: ['0 2 * * *', '0 1,2 * * *'] };
    const next = nextTimes(times, 'Europe/Berlin', { after: new Date('2026-11-23T20:00:00Z'), count: 3 });
    expect(next.map((time) => time.toISOString())).toEqual([
      '2026-11-24T00:00:00.000Z',
      '2026-11-24T01:00:00.000Z',
      '2026-11-25T00:00:00.000Z',
    ]);
  });

  it('are not computed within a day of a clock change, which only the server knows', () => {
    const times = { kind: 'cron' as const, expressions: ['30 2 * * *'] };
    const next = nextTimes(times, 'Europe/Berlin', { after: new Date('2026-03-26T00:00:00Z'), count: 5 });
    expect(next.map((time) => time.toISOString())).toEqual([
      '2026-03-26T01:30:00.000Z',
      '2026-03-27T01:30:00.000Z',
    ]);
  });

  it('of an interval count from the epoch and its offset', () => {
    const ms = fc.integer({ min: 10, max: 100_000 }).map((seconds) => seconds * 1000);
    fc.assert(
      fc.property(
        ms,
        ms,
        fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }),
        (everyMs, offset, after) => {
          const times = { kind: 'every', everyMs, offsetMs: offset % everyMs } as const;
          const next = nextTimes(times, 'UTC', { after, count: 3 }).map((time) => time.getTime());
          expect(next[0]).toBeGreaterThan(after.getTime());
          expect(next[0]).toBeLessThanOrEqual(after.getTime() + everyMs);
          expect(next.map((time) => (time - times.offsetMs) % everyMs)).toEqual([0, 0, 0]);
        },
      ),
    );
  });
});

describe('a time zone', () => {
  it('is recognized by its name in any letter case, including aliases, but not as an offset', () => {
    expect(['europe/berlin', 'US/Pacific', 'utc', '+02:00', 'Nowhere'].map(parseTimeZone)).toEqual([
      'Europe/Berlin',
      'US/Pacific',
      'UTC',
      undefined,
      undefined,
    ]);
  });

  it('that is misspelled gets a suggestion', () => {
    expect(nearTimeZones('berlin')).toContain('Europe/Berlin');
    expect(nearTimeZones('Europe/Berln')).toContain('Europe/Berlin');
    expect(nearTimeZones('new york')).toContain('America/New_York');
  });

  it('shows the given time at every instant found for it', () => {
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');
    const instant = fc.date({
      noInvalidDate: true,
      min: new Date('2026-01-01T00:00Z'),
      max: new Date('2028-01-01T00:00Z'),
    });
    fc.assert(
      fc.property(zone, instant, (timezone, at) => {
        const { date, time } = momentIn(at, timezone);
        const minute = Math.floor(at.getTime() / 60_000) * 60_000;
        expect(instantsAt(date, time, timezone).map((found) => found.getTime())).toContain(minute);
      }),
    );
  });

  it('has times that its clocks skip, and times that occur twice', () => {
    expect(instantsAt('2026-03-29', '02:30', 'Europe/Berlin')).toEqual([]);
    expect(
      instantsAt('2026-10-25', '02:30', 'Europe/Berlin').map((at) => zonedText(at, 'Europe/Berlin')),
    ).toEqual(['Sun 2026-10-25 02:30 +02:00', 'Sun 2026-10-25 02:30 +01:00']);
  });
});

/** The instant of a time given in Berlin, or why it is invalid. */
function at(text: string, edge: 'from' | 'to'): string {
  const given = timeGiven(text, 'Europe/Berlin', edge);
  return given.kind === 'time' ? given.at.toISOString() : given.problem;
}

describe('a time argument', () => {
  it('is in the schedule’s zone unless it has its own; a day has a start and an end', () => {
    expect(at('2026-11-20', 'from')).toBe('2026-11-19T23:00:00.000Z');
    expect(at('2026-11-20', 'to')).toBe('2026-11-20T22:59:59.000Z');
    expect(at('2026-11-20 02:00', 'from')).toBe('2026-11-20T01:00:00.000Z');
    expect(at('2026-11-20T02:00:30z', 'from')).toBe('2026-11-20T02:00:30.000Z');
    expect(at('2026-10-25 02:30', 'from')).toBe('2026-10-25T00:30:00.000Z');
    expect(at('2026-10-25 02:30', 'to')).toBe('2026-10-25T01:30:00.000Z');
  });

  it.each([
    ['yesterday', /is not a time/],
    ['2026-02-30', /not a day of the calendar/],
    ['2026-11-20 25:00', /not a time of day/],
    ['2026-03-29 02:30', /the clocks there skip it/],
  ])('"%s" is refused with the reason', (text, reason) => {
    expect(at(text, 'from')).toMatch(reason);
  });
});
