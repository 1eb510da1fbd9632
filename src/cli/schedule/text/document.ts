import type { Schedule, SchedulePolicy } from '../../../schedules/schedule-client.js';
import { firingAtOf, type Firing } from '../../../schedules/firings/read-firings.js';
import { timesText } from '../../../schedules/times/schedule-times.js';
import type { ScheduledSheet } from '../../../schedules/scheduled-sheet.js';
import { addressOf, contactSheetKey, reportKey } from '../../../storage/layout.js';

/** The `--json` output of the schedule commands; scripts rely on it. Times are ISO 8601. */
export function scheduleDocument(
  sheet: ScheduledSheet,
  policy: Required<SchedulePolicy>,
): Readonly<Record<string, unknown>> {
  const { schedule, mode, times, timezone, source, sheetSettings, settings, maxImages, budget } = sheet;
  return {
    schedule,
    mode,
    when: timesText(times, timezone),
    times,
    timezone,
    ...policy,
    sheet: source.kind === 'address' ? source.address : source.name,
    pinned: source.kind === 'pinned',
    sha256: source.kind === 'pinned' ? source.sha256 : undefined,
    maxImages,
    budget,
    sheetSettings,
    settings,
  };
}

/** The same for an existing schedule. */
export function knownScheduleDocument(schedule: Schedule): Readonly<Record<string, unknown>> {
  const { sheet, policy, paused, note, next, skippedOverlap, missedCatchup, createdAt } = schedule;
  return {
    ...scheduleDocument(sheet, policy),
    paused,
    note,
    next: next.map((time) => time.toISOString()),
    skippedOverlap,
    missedCatchup,
    createdAt: createdAt.toISOString(),
  };
}

/** A run of the schedule in these documents. */
export function firingDocument(firing: Firing): Readonly<Record<string, unknown>> {
  const firingAt = firingAtOf(firing);
  if (firing.kind !== 'recorded') return { firingAt, outcome: firing.kind };
  const { record, batch } = firing;
  const { outcome, startedAt, endedAt } = record;
  const base = { firingAt, outcome: outcome.kind, startedAt, endedAt };
  switch (outcome.kind) {
    case 'skipped':
    case 'failed':
      return { ...base, reason: outcome.reason };
    case 'nothing-to-do':
      return { ...base, ...placeOf(outcome) };
    case 'running':
      return { ...base, ...placeOf(outcome), state: batch?.state, reason: batch?.reason };
    case 'ended':
      return { ...base, ...placeOf(outcome), end: outcome.end, tally: outcome.tally };
  }
}

/** The batch of a run of the schedule that has one. */
export type FiringBatch = Extract<
  Extract<Firing, { kind: 'recorded' }>['record']['outcome'],
  { readonly batchId: unknown }
>;

function placeOf(outcome: FiringBatch): Readonly<Record<string, unknown>> {
  const { batchId, runSeq, bucket } = outcome;
  return {
    batchId,
    runSeq,
    location: addressOf(outcome),
    contactSheet: `s3://${bucket}/${contactSheetKey(outcome)}`,
    report: `s3://${bucket}/${reportKey(outcome)}`,
  };
}
