import { z } from 'zod';
import type { ScheduleName } from '../domain/batch/schedule-name.js';
import { SCHEDULE_OVERLAPS } from '../domain/batch/schedule-overlap.js';
import { toJsonLines } from '../ledger/files/json-lines.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import type { HomeFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { scheduleNoteKey } from './schedule-layout.js';

/** `schedule.json`: how a schedule was last created or changed, from which it can be recreated if Temporal has lost it. */
export const ScheduleNote = z.object({
  format: z.literal(1),
  /** Key of its `ScheduledSheet`. */
  sheetKey: z.string().min(1),
  policy: z.object({
    jitterMs: z.number().exactOptional(),
    overlap: z.enum(SCHEDULE_OVERLAPS),
    catchupMs: z.number().exactOptional(),
  }),
  /** Absent: nobody has deleted it. */
  deletedAt: z.iso.datetime().exactOptional(),
});
export type ScheduleNote = z.infer<typeof ScheduleNote>;

/** The document of a schedule; undefined if there is none. Throws StorageError. */
export function readScheduleNote(
  store: ObjectStore,
  home: HomeFolder,
  name: ScheduleName,
): Promise<ScheduleNote | undefined> {
  return readDocumentIfAny(store, { bucket: home.bucket, key: scheduleNoteKey(home, name) }, ScheduleNote);
}

/** Replaces the document of a schedule. Throws StorageError. */
export async function putScheduleNote(
  store: ObjectStore,
  home: HomeFolder,
  name: ScheduleName,
  note: Omit<ScheduleNote, 'format'>,
): Promise<void> {
  const ref = { bucket: home.bucket, key: scheduleNoteKey(home, name) };
  await store.put(ref, toJsonLines([{ format: 1, ...note }]), { contentType: 'application/json' });
}
