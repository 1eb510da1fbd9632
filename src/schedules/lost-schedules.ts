import { setTimeout as sleep } from 'node:timers/promises';
import path from 'node:path';
import { parseScheduleName, type ScheduleName } from '../domain/batch/schedule-name.js';
import { UsageError } from '../errors.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import type { HomeFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { scheduleAddress, schedulesPrefix } from './schedule-layout.js';
import {
  createSchedule,
  describedSchedule,
  resumeSchedule,
  type Schedule,
  type ScheduleAccess,
  type SchedulePolicy,
} from './schedule-client.js';
import { readScheduleNote } from './schedule-note.js';
import { ScheduledSheet } from './scheduled-sheet.js';

/** What is needed to recreate a schedule. */
interface Remembered {
  readonly sheet: ScheduledSheet;
  readonly policy: SchedulePolicy;
}

/** The server deletes a schedule as it processes the resume. */
const TAKEN_IN_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 250;

/**
 * The schedules of a place that Temporal lacks although nobody has deleted them: it deletes a schedule that is
 * resumed a week or more after its last run or change. `known`: those that it has. Throws StorageError.
 */
export async function lostSchedules(
  { client, store }: Pick<ScheduleAccess, 'client' | 'store'>,
  home: HomeFolder,
  known: ReadonlySet<ScheduleName>,
): Promise<readonly ScheduleName[]> {
  const lost: ScheduleName[] = [];
  for await (const folder of store.listFolders(home.bucket, schedulesPrefix(home))) {
    const name = parseScheduleName(path.posix.basename(folder));
    if (name !== undefined && !known.has(name) && (await isLost({ client, store }, home, name)))
      lost.push(name);
  }
  return lost;
}

/** Whether Temporal lacks a schedule that nobody has deleted. Throws StorageError. */
export async function isLost(
  { client, store }: Pick<ScheduleAccess, 'client' | 'store'>,
  home: HomeFolder,
  name: ScheduleName,
): Promise<boolean> {
  const note = await readScheduleNote(store, home, name);
  return note !== undefined && note.deletedAt === undefined && !(await describedSchedule(client, name));
}

/**
 * Resumes a schedule, and recreates it if Temporal deletes it instead: true then. A lost one (`before` undefined) is
 * recreated from the bucket. Throws a UsageError if the bucket lacks something for that.
 */
export async function resumeOrMakeAgain(
  access: ScheduleAccess,
  home: HomeFolder,
  name: ScheduleName,
  { before, note }: { readonly before: Schedule | undefined; readonly note: string },
): Promise<boolean> {
  if (before && (await isResumed(access, name, note))) return false;
  const { sheet, policy } = before ?? (await remembered(access.store, home, name));
  await createSchedule(access, sheet, policy, { note });
  return true;
}

/** False if the schedule is gone after it was resumed, or was so before. */
async function isResumed({ client }: ScheduleAccess, name: ScheduleName, note: string): Promise<boolean> {
  const until = Date.now() + TAKEN_IN_WITHIN_MS;
  if (!(await describedSchedule(client, name))) return false;
  await resumeSchedule(client, name, note);
  for (;;) {
    const found = await describedSchedule(client, name);
    if (!found) return false;
    if (!found.state.paused || Date.now() > until) return true;
    await sleep(LOOK_EVERY_MS);
  }
}

async function remembered(store: ObjectStore, home: HomeFolder, name: ScheduleName): Promise<Remembered> {
  const note = await readScheduleNote(store, home, name);
  const sheet =
    note && (await readDocumentIfAny(store, { bucket: home.bucket, key: note.sheetKey }, ScheduledSheet));
  if (note && sheet) return { sheet, policy: note.policy };
  throw new UsageError(
    `The settings of schedule "${name}" are missing below ${scheduleAddress(home, name)}. Create it again with: banana-batch schedule create ${name} SHEET`,
  );
}
