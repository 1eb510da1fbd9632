import { z } from 'zod';
import type { ScheduleName } from '../domain/batch/schedule-name.js';
import { at, type HomeFolder } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';
import { scheduleRoot, toldSkipsKey } from './schedule-layout.js';

/** `_schedules/<name>/told-skips.json`: how many skipped firings the server had counted when they were told last. */
const ToldSkips = z.object({
  format: z.literal(1),
  /** When the schedule was made that counted them: one made again counts from 0. */
  createdAt: z.iso.datetime(),
  overlapped: z.int().min(0),
  missed: z.int().min(0),
  /** All up to then is told. */
  lookedAt: z.iso.datetime(),
});
export type ToldSkips = z.infer<typeof ToldSkips>;

/** What was told, and the version of the document that says it. */
export interface FoundSkips {
  readonly told: ToldSkips;
  /** Absent where there is none yet. */
  readonly etag?: string;
}

/** What of a schedule's skipped firings was told; nothing of one that was made since. */
export async function readToldSkips(
  store: ObjectStore,
  home: HomeFolder,
  schedule: ScheduleName,
  createdAt: Date,
): Promise<FoundSkips> {
  const ref = refOf(home, schedule);
  const head = await store.head(ref);
  const parsed = head && ToldSkips.parse(JSON.parse(await store.readText(ref)));
  const made = createdAt.toISOString();
  const told: ToldSkips =
    parsed?.createdAt === made
      ? parsed
      : { format: 1, createdAt: made, overlapped: 0, missed: 0, lookedAt: made };
  return { told, ...(head && { etag: head.etag }) };
}

/** Notes what is told now; false where another has noted something meanwhile. */
export async function noteToldSkips(
  store: ObjectStore,
  home: HomeFolder,
  schedule: ScheduleName,
  { told, etag }: FoundSkips,
): Promise<boolean> {
  try {
    await store.put(refOf(home, schedule), Buffer.from(`${JSON.stringify(told)}\n`), {
      contentType: 'application/json',
      condition: etag === undefined ? { kind: 'absent' } : { kind: 'unchanged', etag },
    });
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return false;
    throw error;
  }
}

function refOf(home: HomeFolder, schedule: ScheduleName): ReturnType<typeof at> {
  return at({ bucket: home.bucket, root: scheduleRoot(home, schedule) }, toldSkipsKey(home, schedule));
}
