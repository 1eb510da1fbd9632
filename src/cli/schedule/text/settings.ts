import type { ScheduleMode } from '../../../domain/batch/schedule-name.js';
import { UsageError } from '../../../errors.js';
import type { SchedulePolicy } from '../../../schedules/schedule-client.js';
import { DEFAULT_CATCHUP_MS } from '../../../schedules/schedule-overlap.js';
import type { ScheduledSheet, ScheduleTimes } from '../../../schedules/scheduled-sheet.js';
import { DEFAULT_TIMEZONE } from '../../../schedules/times/time-zone.js';
import { runSettings } from '../../submit/flags/running-flags.js';
import type { ScheduleFlags } from '../flags.js';
import { sheetSettings } from '../../submit/flags/sheet-flags.js';

/** What a schedule does and when, without its name and its sheet. */
export interface ScheduleSettings {
  readonly scheduled: Omit<ScheduledSheet, 'format' | 'schedule' | 'home' | 'source'>;
  readonly policy: Required<SchedulePolicy>;
}

/** A schedule from the flags; the rest is as `before`, or our own default. Throws a UsageError for missing flags and invalid combinations. */
export function scheduleSettings(flags: ScheduleFlags, before?: ScheduleSettings): ScheduleSettings {
  const mode = flags.mode ?? before?.scheduled.mode;
  if (mode === undefined) throw new UsageError(MODE_MISSING);
  const overlap = flags.overlap ?? before?.policy.overlap ?? 'skip';
  refuseOverlap(mode, overlap);
  const maxImages = flags.maxImages ?? before?.scheduled.maxImages;
  const budget = flags.budget ?? before?.scheduled.budget;
  return {
    scheduled: {
      mode,
      times: scheduleTimes(flags, before?.scheduled.times),
      timezone: flags.timezone ?? before?.scheduled.timezone ?? DEFAULT_TIMEZONE,
      sheetSettings: sheetSettings(flags, before?.scheduled.sheetSettings),
      settings: runSettings(flags, before?.scheduled.settings),
      ...(before?.scheduled.service !== undefined && { service: before.scheduled.service }),
      ...(maxImages !== undefined && maxImages !== 'none' && { maxImages }),
      ...(budget !== undefined && budget !== 'none' && { budget }),
    },
    policy: {
      jitterMs: flags.jitter ?? before?.policy.jitterMs ?? 0,
      overlap,
      catchupMs: flags.catchup ?? before?.policy.catchupMs ?? DEFAULT_CATCHUP_MS,
    },
  };
}

const MODE_MISSING =
  '--mode is missing; it has no default, because it decides what is bought. fresh: each run makes the whole sheet, as a new batch; changes: each run makes new, changed and failed rows only, in one batch with the name of the schedule: no row is bought twice.';

function refuseOverlap(mode: ScheduleMode, overlap: string): void {
  if (mode !== 'changes' || overlap !== 'allow-all') return;
  throw new UsageError(
    '--overlap allow-all cannot be used with --mode changes: all runs work on one batch, which can run only once at a time. Use skip or buffer-one.',
  );
}

function scheduleTimes(
  { cron, every, offset }: ScheduleFlags,
  before: ScheduleTimes | undefined,
): ScheduleTimes {
  if (cron && every !== undefined) {
    throw new UsageError('--cron and --every cannot be used together: give one of them.');
  }
  if (cron) {
    if (offset !== undefined) throw new UsageError(OFFSET_ALONE);
    return { kind: 'cron', expressions: [...cron] };
  }
  const everyMs = every ?? (before?.kind === 'every' ? before.everyMs : undefined);
  if (everyMs === undefined) {
    if (offset !== undefined) throw new UsageError(OFFSET_ALONE);
    if (before) return before;
    throw new UsageError(
      'Give the times of the schedule: --cron "0 2 * * *" (at 02:00 every day, in the zone of --timezone), or --every 6h.',
    );
  }
  const offsetMs = offset ?? (before?.kind === 'every' && every === undefined ? before.offsetMs : 0);
  if (offsetMs >= everyMs)
    throw new UsageError('--offset must be shorter than --every, whose times it shifts.');
  return { kind: 'every', everyMs, offsetMs };
}

const OFFSET_ALONE = '--offset is only for --every; with --cron, put the minute in the cron line.';
