import { describe, expect, it } from 'vitest';
import { firingText } from '../../../../src/cli/schedule/text/times-text.js';
import { changedFacts, scheduleFacts } from '../../../../src/cli/schedule/text/facts.js';
import {
  type ScheduleFlags,
  catchup,
  cronLines,
  interval,
  scheduleName,
  timeZone,
} from '../../../../src/cli/schedule/flags.js';
import { scheduleSettings, type ScheduleSettings } from '../../../../src/cli/schedule/text/settings.js';
import { EMPTY_TALLY } from '../../../../src/domain/batch/tally.js';
import { FiringRecord } from '../../../../src/schedules/firings/firing-records.js';
import { sheetPlace } from '../../../../src/schedules/readable-address.js';
import { ScheduledSheet } from '../../../../src/schedules/scheduled-sheet.js';

const NIGHTLY: ScheduleFlags = { mode: 'fresh', cron: ['0 2 * * *'], timezone: 'Europe/Berlin' };

function sheetOf({ scheduled }: ScheduleSettings): ScheduledSheet {
  return ScheduledSheet.parse({
    format: 1,
    schedule: 'posters',
    home: { bucket: 'b', prefix: '' },
    source: { kind: 'address', address: 's3://sheets/posters.csv' },
    ...scheduled,
  });
}

describe('schedule flags', () => {
  it('have defaults except for the mode and the times', () => {
    const { scheduled, policy } = scheduleSettings({ mode: 'changes', every: 60_000 });
    expect(policy).toEqual({ jitterMs: 0, overlap: 'skip', catchupMs: 600_000 });
    expect(scheduled).toMatchObject({
      timezone: 'UTC',
      times: { kind: 'every', everyMs: 60_000, offsetMs: 0 },
      settings: { concurrency: 100 },
    });
  });

  it.each<[ScheduleFlags, RegExp]>([
    [{ cron: ['0 2 * * *'] }, /--mode is missing.*decides what is bought/],
    [{ mode: 'fresh' }, /Give the times of the schedule/],
    [{ ...NIGHTLY, every: 60_000 }, /--cron and --every/],
    [{ ...NIGHTLY, offset: 60_000 }, /--offset is only for --every/],
    [{ mode: 'fresh', every: 60_000, offset: 60_000 }, /shorter/],
    [{ ...NIGHTLY, mode: 'changes', overlap: 'allow-all' }, /allow-all cannot be used with --mode changes/],
  ])('%j are refused with the reason', (flags, reason) => {
    expect(() => scheduleSettings(flags)).toThrow(reason);
  });

  it('of an update keep the other settings, and the change is shown as before and after', () => {
    const before = scheduleSettings({ ...NIGHTLY, maxImages: 50, budget: '5.00', template: 'a {{thing}}' });
    const after = scheduleSettings({ maxImages: 'none', template: '', overlap: 'buffer-one' }, before);
    expect(after.scheduled.times).toEqual(before.scheduled.times);
    expect(after.scheduled.sheetSettings.template).toBeUndefined();
    expect(
      changedFacts(
        scheduleFacts(sheetOf(before), before.policy),
        scheduleFacts(sheetOf(after), after.policy),
      ),
    ).toEqual([
      {
        name: 'Limits',
        before:
          'at most 50 images (nothing is bought if there would be more), and a budget of 5.00, for each run',
        after: 'a budget of 5.00, for each run',
      },
      {
        name: 'Overlap',
        before: expect.stringMatching(/^skip/),
        after: expect.stringMatching(/^buffer-one/),
      },
      { name: 'Reading', before: 'template="a {{thing}}"', after: undefined },
    ]);
  });
});

describe('an invalid schedule flag', () => {
  it.each<[() => unknown, RegExp]>([
    [() => cronLines('0 2 * *'), /4 fields/],
    [() => interval('5s'), /at least 10s/],
    [() => interval('10500ms'), /whole seconds/],
    [() => catchup('9s'), /at least 10s/],
    [() => timeZone('Berlin'), /Did you mean Europe\/Berlin\?/],
    [() => scheduleName('X y'), /lower-case letters/],
  ])('%s is refused with the expected values', (parse, reason) => {
    expect(parse).toThrow(reason);
  });
});

describe('the sheet of a schedule', () => {
  it('is an address that is read for each run, or a copied file', () => {
    const link = 'https://docs.google.com/spreadsheets/d/KEY/edit?usp=sharing#gid=7';
    expect(sheetPlace(link)).toEqual({ kind: 'address', address: link });
    expect(sheetPlace('s3://sheets/posters.csv')).toMatchObject({ kind: 'address' });
    expect(['posters.csv', '-'].map((name) => sheetPlace(name).kind)).toEqual(['bytes', 'bytes']);
  });

  it.each([
    'https://user:word@example.com/a.csv',
    'https://b.s3.amazonaws.com/a.csv?X-Amz-Signature=abc&X-Amz-Expires=60',
    'https://x.blob.core.windows.net/a.csv?sv=1&sig=abc',
    'https://raw.example.com/a.csv?token=abc',
  ])('%s is refused, and its secret is not repeated', (address) => {
    const place = sheetPlace(address);
    expect(place).toMatchObject({ kind: 'problem', problem: expect.stringContaining('kept in the bucket') });
    expect(JSON.stringify(place)).not.toMatch(/word@|abc/);
  });
});

/** A run whose batch has ended with these counts. */
function ended(tally: object) {
  return firingText({
    kind: 'recorded',
    record: FiringRecord.parse({
      format: 1,
      schedule: 'posters',
      firingAt: '2026-11-23T02:00:00Z',
      startedAt: '2026-11-23T02:00:01Z',
      outcome: {
        kind: 'ended',
        batchId: 'posters-1',
        runSeq: 1,
        bucket: 'b',
        root: 'posters-1/',
        end: 'completed',
        tally: { ...EMPTY_TALLY, ...tally },
      },
    }),
  });
}

describe('the result of a schedule run', () => {
  it('is shown in counts, with a warning for rows without an image', () => {
    expect(ended({ total: 3, stored: 3 })).toMatchObject({ outcome: '3/3 stored', isBad: false });
    expect(ended({ total: 3, stored: 1, failed: 1, rejected: 1 })).toMatchObject({
      outcome: '1/3 stored, 1 failed, 1 rejected',
      isBad: true,
    });
  });
});
