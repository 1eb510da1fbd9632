import { PlaceFile } from '../../ledger/documents.js';
import { toJsonLines } from '../../ledger/files/json-lines.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import { at, placeKey, runsPrefix, type BatchLocation } from '../../storage/layout.js';
import {
  StorageError,
  type ObjectHead,
  type ObjectStore,
  type PutCondition,
} from '../../storage/object-store.js';

/** How long a note reserves a folder for a batch without a run. A submission that is still uploading renews it; an aborted one does not. */
export const CLAIM_LIVES_MS = 10 * 60_000;
const RENEWED_EVERY_MS = 60_000;

/** A note found in a folder. */
export interface FoundNote {
  readonly note: PlaceFile;
  readonly head: ObjectHead;
  /** The batch that it names has a run, so it stays. */
  readonly isStarted: boolean;
  /** It was left by a submission that never got a run, and blocks nobody. */
  readonly isVoid: boolean;
}

/** The note in a folder, if any. */
export async function findNote(store: ObjectStore, noted: BatchLocation): Promise<FoundNote | undefined> {
  const ref = at(noted, placeKey(noted));
  const head = await store.head(ref);
  const note = head && (await readDocumentIfAny(store, ref, PlaceFile));
  if (!note) return undefined;
  const isStarted = await hasRuns(store, note);
  const ageMs = Date.now() - (head.lastModified?.getTime() ?? Date.now());
  return { note, head, isStarted, isVoid: !isStarted && ageMs > CLAIM_LIVES_MS };
}

/** Writes a note for a batch; false if the condition fails. */
export async function putNote(
  store: ObjectStore,
  noted: BatchLocation,
  { batchId, bucket, root }: BatchLocation,
  condition: PutCondition,
): Promise<boolean> {
  const note: PlaceFile = { format: 1, batchId, bucket, root };
  try {
    await store.put(at(noted, placeKey(noted)), toJsonLines([note]), {
      contentType: 'application/json',
      condition,
    });
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return false;
    throw error;
  }
}

/** Renews the note of a batch while `use` prepares its first run, however long that takes. */
export async function withNoteRenewed<T>(
  store: ObjectStore,
  { home, location }: { readonly home: BatchLocation; readonly location: BatchLocation },
  use: () => Promise<T>,
): Promise<T> {
  const renew = async (): Promise<void> => {
    for (const noted of [location, home]) {
      const found = await findNote(store, noted);
      if (found?.note.batchId !== location.batchId || found.isStarted) continue;
      await putNote(store, noted, found.note, { kind: 'unchanged', etag: found.head.etag });
    }
  };
  // If a renewal fails, the next one follows; the start checks the note again.
  const timer = setInterval(() => void renew().catch(() => undefined), RENEWED_EVERY_MS);
  try {
    return await use();
  } finally {
    clearInterval(timer);
  }
}

/** Whether a batch has ever had a run in a folder. */
export async function hasRuns(store: ObjectStore, location: BatchLocation): Promise<boolean> {
  for await (const _ of store.list(location.bucket, runsPrefix(location))) return true;
  return false;
}
