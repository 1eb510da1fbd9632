import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { pinSheet } from '../../schedules/pinned-sheet.js';
import type { ScheduledSheet } from '../../schedules/scheduled-sheet.js';
import type { CommandContext } from '../terminal/command-context.js';
import type { ScheduleHome } from './access.js';
import type { GivenSheet } from '../submit/sheet-file.js';
import { uploadProgress } from '../submit/upload-progress.js';

/** Pins a sheet with its input images, with progress on stderr. Undefined if interrupted. */
export async function pinGivenSheet(
  { stderr, interrupted }: Pick<CommandContext, 'stderr' | 'interrupted'>,
  { store, home }: Pick<ScheduleHome, 'store' | 'home'>,
  name: ScheduleName,
  sheet: GivenSheet,
): Promise<ScheduledSheet['source'] | undefined> {
  const progress = uploadProgress(stderr);
  try {
    return await pinSheet(store, home, name, sheet, { onPut: progress.add, signal: interrupted });
  } catch (error) {
    if (interrupted.aborted) return undefined;
    throw error;
  } finally {
    progress.end();
  }
}
