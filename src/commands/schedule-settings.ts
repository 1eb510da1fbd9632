import type { ScheduleMode } from '../domain/schedule-name.js';
import { UsageError } from '../errors.js';
import type { SchedulePolicy } from '../schedules/schedule-client.js';
import { DEFAULT_CATCHUP_MS } from '../schedules/schedule-overlap.js';
import type { ScheduledSheet, ScheduleTimes } from '../schedules/scheduled-sheet.js';
import { DEFAULT_TIMEZONE } from '../schedules/time-zone.js';
import { runSettings } from './running-flags.js';
import type { ScheduleFlags } from './schedule-flags.js';
import { sheetSettings } from './sheet-flags.js';

/** What a schedule does and when, apart from its name, its sheet and where that lies. */
export interface ScheduleSettings {
  readonly asked: Omit<ScheduledSheet, 'format' | 'schedule' | 'home' | 'source'>;
  readonly policy: Required<SchedulePolicy>;
}

/**
 * A schedule by the flags; what they do not say is as `before`, or our own default. Throws a UsageError for what is
 * missing, and for combinations that make no sense.
 */
export function scheduleSettings(flags: ScheduleFlags, before?: ScheduleSettings): ScheduleSettings {
  const mode = flags.mode ?? before?.asked.mode;
  if (mode === undefined) throw new UsageError(MODE_MISSING);
  const overlap = flags.overlap ?? before?.policy.overlap ?? 'skip';
  refuseOverlap(mode, overlap);
  const maxImages = flags.maxImages ?? before?.asked.maxImages;
  const budget = flags.budget ?? before?.asked.budget;
  return {
    asked: {
      mode,
      times: scheduleTimes(flags, before?.asked.times),
      timezone: flags.timezone ?? before?.asked.timezone ?? DEFAULT_TIMEZONE,
      sheetSettings: sheetSettings(flags, before?.asked.sheetSettings),
      settings: runSettings(flags, before?.asked.settings),
      ...(before?.asked.service !== undefined && { service: before.asked.service }),
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
  '--mode is missing, and it has no default, since it decides what is bought. fresh: each firing makes the whole sheet anew, as a batch of its own; changes: each firing makes what one batch, named as the schedule is, lacks of the sheet: no row is bought twice.';

function refuseOverlap(mode: ScheduleMode, overlap: string): void {
  if (mode !== 'changes' || overlap !== 'allow-all') return;
  throw new UsageError(
    '--overlap allow-all makes no sense with --mode changes: all firings go over one batch, and that can do only one thing at a time. Use skip or buffer-one.',
  );
}

function scheduleTimes(
  { cron, every, offset }: ScheduleFlags,
  before: ScheduleTimes | undefined,
): ScheduleTimes {
  if (cron && every !== undefined) {
    throw new UsageError('--cron and --every both say when it fires. Leave one of them out.');
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
      'Say when it fires: --cron "0 2 * * *" (at 02:00 every day; --timezone says by whose clocks), or --every 6h.',
    );
  }
  const offsetMs = offset ?? (before?.kind === 'every' && every === undefined ? before.offsetMs : 0);
  if (offsetMs >= everyMs)
    throw new UsageError('--offset moves the times of --every, and is shorter than it.');
  return { kind: 'every', everyMs, offsetMs };
}

const OFFSET_ALONE = '--offset moves the times of --every; with --cron, the line itself says the minute.';
