import { toJsonLines } from './files/json-lines.js';
import { OpenedShard } from './documents.js';
import { readDocument, readDocumentIfAny } from './files/read-document.js';
import { at, openedKey, type RunRef } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';

/** Notes that a workflow opens a shard, now by default; of several notes the first stands. Resolves with who opened it first, and when. */
export async function noteOpened(
  store: ObjectStore,
  run: RunRef,
  shard: number,
  { openedAt = new Date().toISOString(), ...by }: Partial<OpenedShard>,
): Promise<{ readonly openedAtMs: number; readonly openedBy: string | undefined }> {
  const ref = at(run, openedKey(run, run.runSeq, shard));
  const opened: OpenedShard = { openedAt, ...by };
  try {
    await store.put(ref, toJsonLines([opened]), {
      contentType: 'application/json',
      condition: { kind: 'absent' },
    });
    return { openedAtMs: Date.parse(opened.openedAt), openedBy: by.openedBy };
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'precondition-failed') throw error;
  }
  const first = await readDocument(store, ref, OpenedShard);
  return { openedAtMs: Date.parse(first.openedAt), openedBy: first.openedBy };
}

/** When a shard was opened first; undefined for one of which no create was ever sent. Milliseconds since the epoch. */
export async function openedAtMs(
  store: ObjectStore,
  run: RunRef,
  shard: number,
): Promise<number | undefined> {
  const opened = await readDocumentIfAny(store, at(run, openedKey(run, run.runSeq, shard)), OpenedShard);
  return opened && Date.parse(opened.openedAt);
}
