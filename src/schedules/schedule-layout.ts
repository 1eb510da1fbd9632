import { firingStamp, type ScheduleName } from '../domain/batch/schedule-name.js';
import { addressOf, type HomeFolder } from '../storage/layout.js';

/** The folder of a schedule: records of its runs, and its pinned sheet with images. No batch has its home there, since no batch id begins with `_`. */
export function scheduleRoot(home: HomeFolder, name: ScheduleName): string {
  return `${schedulesPrefix(home)}${name}/`;
}

/** The folder of all schedules' folders. */
export function schedulesPrefix({ prefix }: HomeFolder): string {
  return `${prefix}_schedules/`;
}

/** Key of the document on how a schedule was last created or changed. */
export function scheduleNoteKey(home: HomeFolder, name: ScheduleName): string {
  return `${scheduleRoot(home, name)}schedule.json`;
}

/** The folder as users write it: `s3://bucket/folder/`. */
export function scheduleAddress(home: HomeFolder, name: ScheduleName): string {
  return addressOf({ bucket: home.bucket, root: scheduleRoot(home, name) });
}

/** Prefix of the records of a schedule's runs; a folder per day, so that the newest are found fast. */
export function firingsPrefix(home: HomeFolder, name: ScheduleName): string {
  return `${scheduleRoot(home, name)}firings/`;
}

/** Key of the record of one run of the schedule. Times count to the second. */
export function firingKey(home: HomeFolder, name: ScheduleName, firingAt: Date): string {
  const stamp = firingStamp(firingAt);
  return `${firingsPrefix(home, name)}${stamp.slice(0, 8)}/${stamp}.json`;
}

/** Key of what a schedule's runs do, by its content. */
export function scheduledSheetKey(home: HomeFolder, name: ScheduleName, sha256: string): string {
  return `${scheduleRoot(home, name)}sheets/${sha256}.json`;
}

/** Key of the document on which skipped runs have been reported. */
export function reportedSkipsKey(home: HomeFolder, name: ScheduleName): string {
  return `${scheduleRoot(home, name)}told-skips.json`;
}
