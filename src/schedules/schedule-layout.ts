import { firingStamp, type ScheduleName } from '../domain/batch/schedule-name.js';
import { addressOf, type HomeFolder } from '../storage/layout.js';

/**
 * Where what is known of a schedule lives: its firings, and the sheet that is pinned to it with its images. No batch is
 * at home there, since no batch id begins with `_`.
 */
export function scheduleRoot(home: HomeFolder, name: ScheduleName): string {
  return `${schedulesPrefix(home)}${name}/`;
}

/** The folder of all schedules' folders. */
export function schedulesPrefix({ prefix }: HomeFolder): string {
  return `${prefix}_schedules/`;
}

/** How a schedule was made or changed last. */
export function scheduleNoteKey(home: HomeFolder, name: ScheduleName): string {
  return `${scheduleRoot(home, name)}schedule.json`;
}

/** The same as a person writes it: `s3://bucket/folder/`. */
export function scheduleAddress(home: HomeFolder, name: ScheduleName): string {
  return addressOf({ bucket: home.bucket, root: scheduleRoot(home, name) });
}

/** What became of a schedule's firings; a day a folder, so that the newest are found fast. */
export function firingsPrefix(home: HomeFolder, name: ScheduleName): string {
  return `${scheduleRoot(home, name)}firings/`;
}

/** What became of one firing. Of the time no more than the second counts. */
export function firingKey(home: HomeFolder, name: ScheduleName, firingAt: Date): string {
  const stamp = firingStamp(firingAt);
  return `${firingsPrefix(home, name)}${stamp.slice(0, 8)}/${stamp}.json`;
}

/** What a schedule's firings are asked to do, by its content. */
export function scheduledSheetKey(home: HomeFolder, name: ScheduleName, sha256: string): string {
  return `${scheduleRoot(home, name)}sheets/${sha256}.json`;
}

/** What of a schedule's skipped firings has been told. */
export function toldSkipsKey(home: HomeFolder, name: ScheduleName): string {
  return `${scheduleRoot(home, name)}told-skips.json`;
}
