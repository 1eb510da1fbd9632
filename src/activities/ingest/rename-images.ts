import path from 'node:path';
import pMap from 'p-map';
import { IdLines } from '../../domain/identity/id-lines.js';
import {
  isImageOf,
  rowTagOf,
  fromStoredIdentity,
  toStoredIdentity,
  type StoredIdentity,
} from '../../domain/images/stored-identity.js';
import { RenameLine } from '../../ledger/documents.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import { at, batchRoot, imageNameAt, renamedKey, renamesKey, type RunRef } from '../../storage/layout.js';
import {
  StorageError,
  type ObjectHead,
  type ObjectRef,
  type ObjectStore,
} from '../../storage/object-store.js';

const COPIES_AT_ONCE = 32;

/**
 * Makes temporary copies of those images of a run's `renames.jsonl` whose places other rows take. Call before the
 * run's batch.json says that its rows are known: until then nothing of an earlier run is overwritten. Idempotent.
 * Throws StorageError.
 */
export async function setRenamedAside(store: ObjectStore, run: RunRef, signal: AbortSignal): Promise<void> {
  await forEachRename(store, run, signal, async ({ rename, aside }) => {
    if (aside === undefined) return;
    const source = await ownImage(store, at(run, fullKey(run, rename.from)), rename, signal);
    if (!source) return;
    const to = at(run, aside);
    const over = await store.head(to, signal);
    const there = over && fromStoredIdentity(over.metadata);
    // An earlier attempt may have happened before a late store of the same row.
    const isCopied =
      there &&
      isImageOf(there, rename, imageNameAt(rename.from)) &&
      there.generation >= source.identity.generation;
    if (!isCopied) await copyImage(store, run, source, { rename, to, over }, signal);
  });
}

/**
 * Copies the images of a run's `renames.jsonl` to the keys of their rows; the old objects stay, unless another row's
 * image takes their place. Call once batch.json has the run's rows, from whatever needs the images next. If repeated,
 * it only does what is missing, and never puts an image over a newer one. Throws StorageError.
 */
export async function finishRenames(store: ObjectStore, run: RunRef, signal: AbortSignal): Promise<void> {
  const setAside: string[] = [];
  await forEachRename(store, run, signal, async ({ rename, aside }) => {
    if (aside !== undefined) setAside.push(aside);
    const to = at(run, fullKey(run, rename.to));
    const source = await ownImage(store, at(run, aside ?? fullKey(run, rename.from)), rename, signal);
    // Someone has deleted it: the row's image is missing under either name, and `verify` reports it.
    if (!source) return;
    const over = await store.head(to, signal);
    const there = over && fromStoredIdentity(over.metadata);
    if (there && !isOlder(there, run, source.identity, rename)) return;
    await copyImage(store, run, source, { rename, to, over }, signal);
  });
  // If they may not be deleted, they stay in the ledger's folder, where they do no harm.
  const remove = (key: string): Promise<void> => store.delete(at(run, key), signal).catch(() => undefined);
  await pMap(setAside, remove, { concurrency: COPIES_AT_ONCE, signal });
}

/** Whether the object at a row's place is older than the row's image and may be replaced. */
function isOlder(there: StoredIdentity, run: RunRef, source: StoredIdentity, rename: RenameLine): boolean {
  if (isImageOf(there, rename, imageNameAt(rename.to))) return there.generation < source.generation;
  return there.runSeq < run.runSeq;
}

interface Rename {
  readonly rename: RenameLine;
  /** Key of the temporary copy if another row's image takes its place; otherwise undefined. */
  readonly aside: string | undefined;
}

async function forEachRename(
  store: ObjectStore,
  run: RunRef,
  signal: AbortSignal,
  visit: (rename: Rename) => Promise<void>,
): Promise<void> {
  const targets = new IdLines();
  for await (const { to } of renameLines(store, run, signal)) targets.claim(to, 1);
  async function* renames(): AsyncGenerator<Rename> {
    for await (const rename of renameLines(store, run, signal)) {
      const isTaken = targets.lineOf(rename.from) !== undefined;
      const extension = path.posix.extname(rename.from);
      // Not named by the line number: another attempt of the same ingest may find more images, or fewer.
      const aside = renamedKey(run, run.runSeq, rowTagOf(rename.rowId), extension);
      yield { rename, aside: isTaken ? aside : undefined };
    }
  }
  await pMap(renames(), visit, { concurrency: COPIES_AT_ONCE, signal });
}

async function* renameLines(
  store: ObjectStore,
  run: RunRef,
  signal: AbortSignal,
): AsyncGenerator<RenameLine> {
  const key = renamesKey(run, run.runSeq);
  try {
    yield* readJsonLines(await store.read(at(run, key), signal), RenameLine, key);
  } catch (error) {
    // Most runs rename nothing.
    if (!(error instanceof StorageError && error.code === 'not-found' && error.ref.key === key)) throw error;
  }
}

interface OwnImage {
  readonly ref: ObjectRef;
  readonly head: ObjectHead;
  readonly identity: StoredIdentity;
}

/** The object at a place if it is the image of the renamed row. */
async function ownImage(
  store: ObjectStore,
  ref: ObjectRef,
  rename: RenameLine,
  signal: AbortSignal,
): Promise<OwnImage | undefined> {
  const head = await store.head(ref, signal);
  const identity = head && fromStoredIdentity(head.metadata);
  return identity && isImageOf(identity, rename, imageNameAt(rename.from))
    ? { ref, head, identity }
    : undefined;
}

/** Copies an image together with its identity, which then names the run that put it there. */
async function copyImage(
  store: ObjectStore,
  run: RunRef,
  { ref, head, identity }: OwnImage,
  {
    rename,
    to,
    over,
  }: { readonly rename: RenameLine; readonly to: ObjectRef; readonly over: ObjectHead | undefined },
  signal: AbortSignal,
): Promise<void> {
  const copied = { ...identity, rowTag: rowTagOf(rename.rowId), runSeq: run.runSeq };
  try {
    await store.copy(ref, to, {
      contentType: head.contentType ?? 'application/octet-stream',
      metadata: toStoredIdentity(copied),
      sha256: identity.image.sha256,
      sourceEtag: head.etag,
      condition: over ? { kind: 'unchanged', etag: over.etag } : { kind: 'absent' },
      signal,
    });
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'precondition-failed')) throw error;
    // The next attempt checks what is there now: most likely the result of an earlier attempt.
    throw new StorageError('unavailable', to, `${to.bucket}/${to.key} changed while it was being read.`);
  }
}

function fullKey(run: RunRef, key: string): string {
  return `${batchRoot(run)}${key}`;
}
