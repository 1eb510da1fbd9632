import type { BatchId } from '../rows/ids.js';

/** The name of a schedule: a slug of 1–60 characters, so that name and time together form a batch id. */
export type ScheduleName = string & { readonly brand: 'ScheduleName' };

const SCHEDULE_NAME = /^[a-z0-9][a-z0-9._-]{0,59}$/;

/** `text` as a schedule name; undefined if it is not valid. */
export function parseScheduleName(text: string): ScheduleName | undefined {
  return SCHEDULE_NAME.test(text) ? (text as ScheduleName) : undefined;
}

/** The rule for schedule names, for messages. */
export const SCHEDULE_NAME_RULE =
  'lower-case letters, digits, ".", "_" and "-", starting with a letter or digit, at most 60 characters';

/**
 * What a run of the schedule buys. `fresh`: the whole sheet, as a new batch; `changes`: only what is new in the
 * sheet, in one batch with the schedule's name.
 */
export const SCHEDULE_MODES = ['fresh', 'changes'] as const;
export type ScheduleMode = (typeof SCHEDULE_MODES)[number];

/** The nominal time of a run of the schedule in UTC to the second, as in batch ids and keys: `20261123t020000z`. Sorts chronologically. */
export function firingStamp(firingAt: Date): string {
  return firingAt
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
}

/** The batch id for a run of the schedule: one function, used everywhere. In UTC, since a clock that goes back repeats an hour. */
export function firingBatchId(schedule: ScheduleName, mode: ScheduleMode, firingAt: Date): BatchId {
  const id: string = mode === 'fresh' ? `${schedule}-${firingStamp(firingAt)}` : schedule;
  // A schedule name, alone or with a hyphen and a stamp, is a batch id.
  return id as BatchId;
}
