import { toJsonLines } from './json-lines.js';
import { OpenedShard } from './documents.js';
import { readDocument, readDocumentIfAny } from './read-document.js';
import { at, openedKey, type RunRef } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';

/** Notes that a shard is opened now; of several notes the first stands. Resolves with when it was opened first. */
export async function noteOpened(store: ObjectStore, run: RunRef, shard: number): Promise<number> {
  const ref = at(run, openedKey(run, run.runSeq, shard));
  const opened: OpenedShard = { openedAt: new Date().toISOString() };
  try {
    await store.put(ref, toJsonLines([opened]), {
      contentType: 'application/json',
      condition: { kind: 'absent' },
    });
    return Date.parse(opened.openedAt);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'precondition-failed') throw error;
  }
  return Date.parse((await readDocument(store, ref, OpenedShard)).openedAt);
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
