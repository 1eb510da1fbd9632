import { Option, type Command, type OptionValues, InvalidArgumentError } from '@commander-js/extra-typings';
import {
  SCHEDULE_MODES,
  parseScheduleName,
  SCHEDULE_NAME_RULE,
  type ScheduleName,
} from '../../domain/batch/schedule-name.js';
import { MAX_BATCH_ROWS } from '../../domain/batch/window.js';
import { SCHEDULE_OVERLAPS } from '../../domain/batch/schedule-overlap.js';
import { parseCronLine } from '../../schedules/times/cron-line.js';
import { SHORTEST_EVERY_MS } from '../../schedules/times/schedule-times.js';
import { nearTimeZones, parseTimeZone } from '../../schedules/times/time-zone.js';
import { wholeNumber, duration } from '../terminal/option-parsers.js';
import { withSettingsFlags } from '../submit/flags/running-flags.js';
import { withSheetFlags } from '../submit/flags/sheet-flags.js';
import type { FlagsOf, NoFlags } from '../terminal/typed-flags.js';

/** Commander's values for the flags of what a schedule does, and when. */
export type ScheduleFlags = FlagsOf<typeof withScheduleFlags<[], NoFlags, NoFlags>>;

/** Commander's values for `schedule create`. */
export type ScheduleCreateFlags = FlagsOf<typeof withCreateFlags>;

/** Commander's values for `schedule update`. */
export type ScheduleUpdateFlags = FlagsOf<typeof withUpdateFlags>;

/** Adds name, sheet and flags of `schedule create`. */
export function withCreateFlags(program: Command) {
  return withOutputFlags(
    withScheduleFlags(
      program
        .argument('<name>', 'name of the schedule; its batches are named after it', scheduleName)
        .argument(
          '<sheet>',
          's3://bucket/key or https://…, read again for each run; or a path or "-", copied into the bucket now',
        ),
    ).option('--paused', 'create the schedule paused; its runs start after "schedule resume"', false),
  );
}

/** Adds name, sheet and flags of `schedule update`. */
export function withUpdateFlags(program: Command) {
  return withOutputFlags(
    withScheduleFlags(
      program
        .argument('<name>', 'name of the schedule', scheduleName)
        .argument(
          '[sheet]',
          'a new sheet, or the same path to copy its current content into the bucket (default: unchanged)',
        ),
      'unchanged',
    ),
  );
}

function withScheduleFlags<Args extends unknown[], Flags extends OptionValues, Globals extends OptionValues>(
  program: Command<Args, Flags, Globals>,
  otherwise?: string,
) {
  const by = (own: string): string => ` (default: ${otherwise ?? own})`;
  const scheduled = program
    .optionsGroup('Schedule:')
    .addOption(
      new Option(
        '--mode <mode>',
        `what each run buys. fresh: the whole sheet, as a new batch; changes: new, changed and failed rows only, in one batch with the name of the schedule${otherwise ? ` (default: ${otherwise})` : ''}`,
      ).choices(SCHEDULE_MODES),
    )
    .option(
      '--cron <line>',
      'when: minute, hour, day of the month, month, day of the week, such as "0 2 * * *", or @daily; repeatable',
      cronLines,
    )
    .option('--every <interval>', 'instead of --cron: 10s or longer, such as 6h', interval)
    .option('--offset <duration>', 'shift the times of --every, which count from midnight UTC', secondsOrNone)
    .option('--timezone <zone>', `time zone of --cron, such as Europe/Berlin${by('UTC')}`, timeZone)
    .option(
      '--jitter <duration>',
      `start each run up to this much later, at random${by('0s')}`,
      secondsOrNone,
    )
    .addOption(
      new Option(
        '--overlap <how>',
        `if the previous run is still active: skip the new one, let one wait, or run all at once${by('skip')}`,
      ).choices(SCHEDULE_OVERLAPS),
    )
    .option(
      '--catchup <duration>',
      `start runs that Temporal missed up to this much late, 10s or longer${by('10m')}`,
      catchup,
    );
  return withSettingsFlags(withSheetFlags(scheduled, otherwise), otherwise, {
    spender: 'each run',
  }).addOption(
    new Option(
      '--max-images <n>',
      'a run that would have to buy more images than this buys nothing; "none" for no limit',
    ).argParser(imagesOrNone),
  );
}

const images = wholeNumber(1, MAX_BATCH_ROWS);

function imagesOrNone(text: string): number | 'none' {
  return text.toLowerCase() === 'none' ? 'none' : images(text);
}

function withOutputFlags<Args extends unknown[], Flags extends OptionValues, Globals extends OptionValues>(
  program: Command<Args, Flags, Globals>,
) {
  return program
    .optionsGroup('Output:')
    .option('--dry-run', 'show what the command would do, and do nothing', false)
    .option('-y, --yes', 'do not ask for confirmation', false)
    .option('--json', 'print one JSON document on standard output', false);
}

/** A schedule's name. */
export function scheduleName(text: string): ScheduleName {
  const name = parseScheduleName(text);
  if (!name) throw new InvalidArgumentError(`Expected ${SCHEDULE_NAME_RULE}.`);
  return name;
}

/** Collects the cron lines of a repeatable flag, each with five fields. */
export function cronLines(text: string, before: readonly string[] = []): readonly string[] {
  const line = parseCronLine(text);
  if (line.kind === 'problem') throw new InvalidArgumentError(`Not a valid cron line: ${line.problem}.`);
  return [...before, line.cron];
}

/** The IANA name of a time zone. */
export function timeZone(text: string): string {
  const zone = parseTimeZone(text.trim());
  if (zone !== undefined) return zone;
  const near = nearTimeZones(text.trim());
  const guess = near.length > 0 ? ` Did you mean ${near.join(', ')}?` : '';
  throw new InvalidArgumentError(`Expected the name of a time zone, such as Europe/Berlin or UTC.${guess}`);
}

/** An interval of whole seconds from `SHORTEST_EVERY_MS`, in milliseconds. */
export function interval(text: string): number {
  const ms = duration(text);
  if (ms < SHORTEST_EVERY_MS || ms % 1000 !== 0) {
    throw new InvalidArgumentError('Expected whole seconds, at least 10s, such as 90s, 6h or 1d.');
  }
  return ms;
}

/** A duration of whole seconds, or `none`, in milliseconds. */
function secondsOrNone(text: string): number {
  const ms = /^0[a-z]*$/i.test(text) ? 0 : duration(text);
  if (ms % 1000 !== 0) throw new InvalidArgumentError('Expected whole seconds, such as 90s, 10m, 2h or 0s.');
  return ms;
}

const SHORTEST_CATCHUP_MS = 10_000;

/** How long missed runs are caught up. Source: Temporal treats less as 10 s. */
export function catchup(text: string): number {
  const ms = duration(text);
  if (ms < SHORTEST_CATCHUP_MS || ms % 1000 !== 0) {
    throw new InvalidArgumentError('Expected whole seconds, at least 10s, such as 10m, 2h or 1d.');
  }
  return ms;
}
