import { costOf, type PriceTable } from '../../domain/money/price-table.js';
import { counted } from '../../domain/text/full-stop.js';
import { imagesOf, kindsText, type ImagesOfKind } from '../../domain/money/image-counts.js';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import type { BackfillOverlap } from '../../domain/batch/schedule-overlap.js';
import { UsageError } from '../../errors.js';
import { backfillSchedule, MOST_BACKFILLED } from '../../schedules/fire-now.js';
import { withFiringSheet } from '../../schedules/firings/firing-sheet.js';
import { matchingTimes } from '../../schedules/times/matching-times.js';
import type { Schedule } from '../../schedules/schedule-client.js';
import { momentIn } from '../../domain/time/moment.js';
import { timeGiven } from '../../schedules/times/time-given.js';
import { zonedText } from '../../schedules/times/time-zone.js';
import { checkSheet } from '../../starter.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { askConsent, type Consent } from '../terminal/consent.js';
import { knownSchedule, noWorkerText, sheetMeans, withSchedules, type ScheduleHome } from './access.js';

export interface ScheduleBackfillOptions {
  readonly name: ScheduleName;
  readonly from: string;
  readonly to: string;
  readonly overlap: BackfillOverlap;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** More runs require --yes, also without a terminal. */
const MOST_UNASKED = 100;
const TIMES_SHOWN = 5;

/** Starts runs for past times, after showing their number and maximum cost. */
export const scheduleBackfill: Command<ScheduleBackfillOptions> = (context, options) =>
  withSchedules(context.config, async (access) => {
    const { name, overlap, json } = options;
    const { stdout, stderr } = context;
    const schedule = await knownSchedule(access, name);
    const { mode, timezone } = schedule.sheet;
    if (mode === 'changes' && overlap === 'allow-all') {
      throw new UsageError(
        '--overlap allow-all cannot be used with --mode changes: all runs work on one batch, which can run only once at a time.',
      );
    }
    const range = rangeOf(options, timezone);
    const times = await matchingTimes(access.client, name, range);
    if (times.length === 0) {
      throw new UsageError(
        `Schedule "${name}" has no time from ${zonedText(range.from, timezone)} to ${zonedText(range.to, timezone)}.`,
      );
    }
    if (times.length > MOST_BACKFILLED) {
      throw new UsageError(
        `Schedule "${name}" has more than ${MOST_BACKFILLED} times from ${zonedText(range.from, timezone)} to ${zonedText(range.to, timezone)}. Use a shorter range, and backfill the rest when it is done.`,
      );
    }
    stderr.write(timesText(times, timezone));
    const { prices } = context.config;
    stderr.write(
      mode === 'fresh'
        ? await costLines(context, access, schedule, { times, prices: access.isFree() ? undefined : prices })
        : `Makes      rows of the current sheet that batch ${name} lacks, whatever the times\n`,
    );
    const firings = times.map((time) => time.toISOString());
    if (options.dryRun) {
      if (json) stdout.write(`${JSON.stringify({ schedule: name, firings, dryRun: true })}\n`);
      stderr.write('Dry run: nothing was started.\n');
      return EXIT.ok;
    }
    const consent = await consentTo(context, access, options, times.length);
    if (consent !== 'given' || context.interrupted.aborted) {
      stderr.write('Nothing was started.\n');
      return consent === 'declined' ? EXIT.refused : EXIT.interrupted;
    }
    await backfillSchedule(access.client, name, range, overlap);
    if (json) stdout.write(`${JSON.stringify({ schedule: name, firings })}\n`);
    stderr.write(
      `Started ${counted(times.length, 'run')}${overlap === 'buffer-all' && times.length > 1 ? ', one after the other' : ''}. See: banana-batch schedule show ${name}\n`,
    );
    const nobody = await noWorkerText(access);
    if (nobody) stderr.write(`${nobody}\n`);
    return EXIT.ok;
  });

function rangeOf(
  { from, to }: Pick<ScheduleBackfillOptions, 'from' | 'to'>,
  timezone: string,
): { readonly from: Date; readonly to: Date } {
  const [start, end] = [timeGiven(from, timezone, 'from'), timeGiven(to, timezone, 'to')];
  if (start.kind === 'problem') throw new UsageError(`--from "${from}" ${start.problem}.`);
  if (end.kind === 'problem') throw new UsageError(`--to "${to}" ${end.problem}.`);
  const nowMs = Date.now();
  // A range that ends today ends now.
  const isToday = to.trim() === momentIn(new Date(nowMs), timezone).date;
  const last = isToday ? new Date(nowMs) : end.at;
  if (last.getTime() < start.at.getTime()) throw new UsageError('--from is later than --to.');
  if (last.getTime() > nowMs) {
    throw new UsageError(
      `A backfill starts runs for past times, but ${zonedText(last, timezone)} is in the future.`,
    );
  }
  return { from: start.at, to: last };
}

function timesText(times: readonly Date[], timezone: string): string {
  const texts = times.slice(0, TIMES_SHOWN).map((time) => zonedText(time, timezone));
  const last = times.at(-1);
  if (times.length > TIMES_SHOWN && last) texts.push(`… ${zonedText(last, timezone)}`);
  const [first, ...others] = texts;
  return `Runs       ${counted(times.length, 'time')}: ${first}\n${others.map((text) => `           ${text}\n`).join('')}`;
}

/** Images and cost of the schedule's runs, by the present sheet. */
async function costLines(
  { config, interrupted }: CommandContext,
  access: ScheduleHome,
  { sheet }: Schedule,
  { times, prices }: { readonly times: readonly Date[]; readonly prices: PriceTable | undefined },
): Promise<string> {
  const [first = new Date()] = times;
  const sheetSettings = { ...sheet.sheetSettings, moment: momentIn(first, sheet.timezone) };
  const {
    summary: { images },
  } = await withFiringSheet(await sheetMeans(access, config), sheet, interrupted, (file) =>
    checkSheet(file, { sheetSettings }),
  );
  const all: readonly ImagesOfKind[] = images.map(({ model, resolution, images: count }) => ({
    model,
    resolution,
    images: count * times.length,
  }));
  const makes = `Makes      up to ${counted(imagesOf(all), 'image')} (${kindsText(all)}), by the current sheet\n`;
  const note = '           images that a batch of these times already has are not bought again\n';
  if (!prices) return makes + note;
  const { total, unpriced } = costOf(prices, all);
  const missing = unpriced.length > 0 ? `, without ${kindsText(unpriced)}, for which there is no price` : '';
  return `${makes}${note}Cost       up to ${total} by BANANA_PRICES${missing}\n`;
}

/** Money may be spent after this: a person at a terminal is asked; a script needs --yes for many runs. */
async function consentTo(
  context: CommandContext,
  { isFree }: ScheduleHome,
  { yes }: ScheduleBackfillOptions,
  firings: number,
): Promise<Consent> {
  if (yes || (isFree() && firings <= MOST_UNASKED)) return 'given';
  if (context.stdin.isTTY) return askConsent(context, `Start ${counted(firings, 'run')}?`);
  if (firings <= MOST_UNASKED) return 'given';
  throw new UsageError(
    `${firings} runs are more than ${MOST_UNASKED}: add --yes to start them all the same. Nothing was started.`,
  );
}
