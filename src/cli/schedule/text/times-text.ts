import prettyMs from 'pretty-ms';
import type { Tally } from '../../../domain/batch/tally.js';
import type { Firing } from '../../../schedules/firings/read-firings.js';
import type { SchedulePolicy } from '../../../schedules/schedule-client.js';
import { nextTimes } from '../../../schedules/times/schedule-times.js';
import type { ScheduledSheet } from '../../../schedules/scheduled-sheet.js';
import { zonedText } from '../../../schedules/times/time-zone.js';
import type { BatchStatus } from '../../../status/status-document.js';
import { until } from '../../terminal/elapsed.js';
import type { FiringBatch } from './document.js';

/** How many of a schedule's next times are shown. */
export const TIMES_SHOWN = 5;

type When = Pick<ScheduledSheet, 'times' | 'timezone'>;

/** A future time by a schedule's clocks: `Tue 2026-11-24 02:00 +01:00 (in 6h)`. */
export function timeToComeText(time: Date, timezone: string, nowMs: number): string {
  return `${zonedText(time, timezone)} (${until(time, nowMs)})`;
}

/** The next times of a future schedule, without jitter: fewer than five if clocks change soon. */
export function comingTimes({ times, timezone }: When, now: Date): readonly Date[] {
  return nextTimes(times, timezone, { after: now, count: TIMES_SHOWN });
}

/** Lines with the times of a future schedule. `isDefault`: no zone was given. */
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

/** The result of a run of the schedule, for users. */
export interface FiringText {
  /** A short text. */
  readonly outcome: string;
  /** Why nothing was bought, or why its batch is stopped. */
  readonly why?: string;
  readonly batch?: FiringBatch;
  /** A person may need to act. */
  readonly isBad: boolean;
}

/** The result of a run of the schedule. */
export function firingText(firing: Firing): FiringText {
  if (firing.kind === 'waiting') return { outcome: 'not started yet', isBad: true };
  if (firing.kind === 'unrecorded') {
    return {
      outcome: 'lost',
      why: 'Its workflow was terminated before the run was recorded.',
      isBad: true,
    };
  }
  const { outcome } = firing.record;
  switch (outcome.kind) {
    case 'skipped':
    case 'failed':
      return { outcome: outcome.kind, why: outcome.reason, isBad: true };
    case 'nothing-to-do':
      return { outcome: 'nothing to do', batch: outcome, isBad: false };
    case 'running':
      return { ...atWorkText(firing.batch), batch: outcome };
    case 'ended':
      return { ...endedText(outcome.end, outcome.tally), batch: outcome };
  }
}

function atWorkText(batch: BatchStatus | undefined): Omit<FiringText, 'batch'> {
  if (!batch) return { outcome: 'running', isBad: false };
  const { state, reason, stored, total } = batch;
  return {
    outcome: `${state} ${stored}/${total}`,
    ...(reason !== undefined && { why: reason }),
    isBad: reason !== undefined,
  };
}

function endedText(end: string, tally: Tally | undefined): Omit<FiringText, 'batch'> {
  if (!tally) return { outcome: end, isBad: end !== 'completed' };
  const counts: readonly (readonly [number, string])[] = [
    [tally.failed, 'failed'],
    [tally.rejected, 'rejected'],
    [tally.cancelled, 'cancelled'],
  ];
  const others = counts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  const how = end === 'completed' ? [] : [end];
  return {
    outcome: [...how, `${tally.stored}/${tally.total} stored`, ...others].join(', '),
    isBad: end !== 'completed' || others.length > 0,
  };
}
