import prettyMs from 'pretty-ms';
import type { SchedulePolicy } from '../../../schedules/schedule-client.js';
import { nextTimes } from '../../../schedules/times/schedule-times.js';
import type { ScheduledSheet } from '../../../schedules/scheduled-sheet.js';
import { zonedText } from '../../../schedules/times/time-zone.js';
import { until } from '../../terminal/elapsed.js';

/** How many of a schedule's next times are shown. */
export const TIMES_SHOWN = 5;

type When = Pick<ScheduledSheet, 'times' | 'timezone'>;

/** A time to come by a schedule's clocks: `Tue 2026-11-24 02:00 +01:00 (in 6h)`. */
export function timeToComeText(time: Date, timezone: string, nowMs: number): string {
  return `${zonedText(time, timezone)} (${until(time, nowMs)})`;
}

/** The next times of a schedule that is not there yet, without jitter: fewer than five where clocks change soon. */
export function comingTimes({ times, timezone }: When, now: Date): readonly Date[] {
  return nextTimes(times, timezone, { after: now, count: TIMES_SHOWN });
}

/** Lines that tell when a schedule that is not there yet will fire. `isDefault`: no one has named a zone. */
export function expectedTimesText(
  when: When,
  { jitterMs }: Pick<Required<SchedulePolicy>, 'jitterMs'>,
  now: Date,
  isDefault: boolean,
): string {
  const { times, timezone } = when;
  const coming = comingTimes(when, now);
  const texts = coming.map((time) => timeToComeText(time, timezone, now.getTime()));
  if (coming.length < TIMES_SHOWN) {
    texts.push(
      `${texts.length === 0 ? '' : 'then '}the clocks of ${timezone} change: "schedule show" has the times around that`,
    );
  }
  if (jitterMs > 0) texts.push(`each up to ${prettyMs(jitterMs)} later`);
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (times.kind === 'cron' && isDefault && own !== timezone) {
    texts.push(`in ${timezone}, because no --timezone is given; this machine's time zone is ${own}`);
  }
  return texts.map((text, index) => `${(index === 0 ? 'Next' : '').padEnd(10)} ${text}\n`).join('');
}
