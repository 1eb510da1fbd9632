import type { BatchId } from '../rows/ids.js';

/** Names a schedule: a slug of 1–60 characters, so that with a time it is a batch id. */
export type ScheduleName = string & { readonly brand: 'ScheduleName' };

const SCHEDULE_NAME = /^[a-z0-9][a-z0-9._-]{0,59}$/;

/** The schedule name that `text` is, or undefined where it is not one. */
export function parseScheduleName(text: string): ScheduleName | undefined {
  return SCHEDULE_NAME.test(text) ? (text as ScheduleName) : undefined;
}

/** The rule a schedule name keeps, for messages. */
export const SCHEDULE_NAME_RULE =
  'lower-case letters, digits, ".", "_" and "-", starting with a letter or digit, at most 60 characters';

/**
 * What a firing buys. `fresh`: the whole sheet, as a batch of its own; `changes`: what one batch, named as the schedule
 * is, lacks of the sheet.
 */
export const SCHEDULE_MODES = ['fresh', 'changes'] as const;
export type ScheduleMode = (typeof SCHEDULE_MODES)[number];

/** A firing's nominal time in UTC to the second, as batch ids and keys have it: `20261123t020000z`. Orders as time does. */
export function firingStamp(firingAt: Date): string {
  return firingAt
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
}

/** The batch of a firing: one function, used everywhere. In UTC, since clocks that go back have hours twice. */
export function firingBatchId(schedule: ScheduleName, mode: ScheduleMode, firingAt: Date): BatchId {
  const id: string = mode === 'fresh' ? `${schedule}-${firingStamp(firingAt)}` : schedule;
  // A schedule name, and one with a hyphen and a stamp, are batch ids.
  return id as BatchId;
}
