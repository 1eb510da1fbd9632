import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../../errors.js';
import { PlaceFile } from '../../ledger/documents.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import {
  addressOf,
  at,
  batchRoot,
  inputsPrefix,
  isSamePlace,
  placeKey,
  type BatchLocation,
} from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { nestedPlace, placeAround, voidClaimsInside, type NestedPlace } from './nested-places.js';
import { findNote, hasRuns, putNote } from './place-notes.js';

/** A folder of a bucket; `root` is not empty and ends with `/`. */
export type BatchFolder = Pick<BatchLocation, 'bucket' | 'root'>;

/** Where a batch lives: at home, or where the note that was left at its home says. Undefined where its home is another batch's. */
export async function placeIfAny(
  store: ObjectStore,
  home: BatchLocation,
): Promise<BatchLocation | undefined> {
  const note = await readNote(store, home);
  if (!note) return home;
  return note.batchId === home.batchId ? placeIn(note) : undefined;
}

/** The same; throws a UsageError where its home is another batch's. */
export async function findPlace(store: ObjectStore, home: BatchLocation): Promise<BatchLocation> {
  const note = await readNote(store, home);
  if (!note) return home;
  if (note.batchId === home.batchId) return placeIn(note);
  if ((await findNote(store, home))?.isVoid) return home;
  throw takenBy(home, note.batchId);
}

function placeIn({ bucket, root, batchId }: PlaceFile): BatchLocation {
  return { bucket, root, batchId };
}

/**
 * Where a submission's batch lives or is to live; `folder` is the place that the submission asks for. Writes nothing.
 * Throws a UsageError where the batch lives elsewhere already, or where the folder is not free for it.
 */
export async function choosePlace(
  store: ObjectStore,
  home: BatchLocation,
  folder: BatchFolder | undefined,
): Promise<BatchLocation> {
  const known = await findPlace(store, home);
  if (!folder) return known;
  const asked = { ...folder, batchId: home.batchId };
  if (isSamePlace(known, asked)) return known;
  const isLeft = !isSamePlace(known, home) && (await findNote(store, home))?.isVoid;
  if (!isLeft && (!isSamePlace(known, home) || (await hasRuns(store, home)))) {
    throw new UsageError(
      `Batch "${home.batchId}" is already stored at ${addressOf(known)}. Omit --to to continue it there, or use another --id.`,
    );
  }
  await store.checkBucket(folder.bucket);
  await refuseTaken(store, asked);
  return asked;
}

/** Submissions of nested folders that see each other give way and try again, so that one of them comes through. */
const CLAIM_ATTEMPTS = 6;
const GIVES_WAY_MS = { least: 100, most: 1_500 };

/**
 * Notes where a batch lives that is not at home: first there, then at home, so that no one else's batch begins in the same
 * folder, around it or inside it. Throws a UsageError where another is there or comes at the same moment.
 */
export async function claimPlace(
  store: ObjectStore,
  home: BatchLocation,
  location: BatchLocation,
): Promise<void> {
  if (isSamePlace(home, location)) return;
  for (let attempt = 1; ; attempt += 1) {
    const isNew = await claimFolder(store, location, location);
    const nested = await nestedPlace(store, location);
    if (!nested) break;
    // One that was there before may be another submission's of the same batch.
    if (isNew) await store.delete(at(location, placeKey(location)));
    if (nested.isStarted || attempt === CLAIM_ATTEMPTS) throw nestedIn(location, nested);
    await delay(randomInt(GIVES_WAY_MS.least, GIVES_WAY_MS.most));
  }
  await claimFolder(store, home, location);
}

/** Leaves a note of a batch in a folder, or renews it; whether there was none. Throws a UsageError where another's is there. */
async function claimFolder(
  store: ObjectStore,
  noted: BatchLocation,
  location: BatchLocation,
): Promise<boolean> {
  if (await putNote(store, noted, location, { kind: 'absent' })) return true;
  const found = await findNote(store, noted);
  const isOwn = found?.note.batchId === location.batchId && isSamePlace(found.note, location);
  if (found && (isOwn || found.isVoid) && !found.isStarted)
    await putNote(store, noted, location, { kind: 'unchanged', etag: found.head.etag });
  const owner = await readNote(store, noted);
  if (owner?.batchId !== location.batchId) throw takenBy(noted, owner?.batchId);
  if (!isSamePlace(owner, location)) {
    throw new UsageError(
      `Batch "${location.batchId}" was placed elsewhere at the same moment: ${addressOf(owner)}. See it with: banana-batch status ${location.batchId}`,
    );
  }
  return false;
}

/**
 * To be called when a batch's first run has left its request and before it starts: throws a UsageError where another batch
 * was begun in the same folder, around it or inside it meanwhile.
 */
export async function confirmPlace(store: ObjectStore, location: BatchLocation): Promise<void> {
  const note = await readNote(store, location);
  if (note && isSamePlace(note, location) && note.batchId !== location.batchId) {
    if (!(await findNote(store, location))?.isVoid) throw takenBy(location, note.batchId);
  }
  // A batch that left no note before it came here gives way; one that did so waits for it.
  const mostLooks = note?.batchId === location.batchId ? CONFIRMING_LOOKS : 1;
  let nested = await nestedPlace(store, location);
  for (let look = 1; nested && look < mostLooks; look += 1) {
    await delay(GIVES_WAY_MS.least * 5);
    nested = await nestedPlace(store, location);
  }
  if (nested) throw nestedIn(location, nested);
}

const CONFIRMING_LOOKS = 4;

async function readNote(store: ObjectStore, location: BatchLocation): Promise<PlaceFile | undefined> {
  return readDocumentIfAny(store, at(location, placeKey(location)), PlaceFile);
}

/** A folder is free where nothing lies in it but what this batch has put there, and no batch lives around it. */
async function refuseTaken(store: ObjectStore, asked: BatchLocation): Promise<void> {
  const found = await findNote(store, asked);
  if (found?.note.batchId === asked.batchId) return;
  if (found && !found.isVoid) throw takenBy(asked, found.note.batchId);
  const around = await placeAround(store, asked);
  if (around) throw nestedIn(asked, around);
  const root = batchRoot(asked);
  // What a submission has left that never came to a run is in no one's way.
  const left = await voidClaimsInside(store, asked);
  const isLeft = (key: string): boolean =>
    left.some((folder) => key.startsWith(folder)) ||
    (found !== undefined && (key === placeKey(asked) || key.startsWith(inputsPrefix(asked))));
  for await (const { key } of store.list(asked.bucket, root)) {
    // Consoles put an empty object in place of a folder.
    if (key === root || isLeft(key)) continue;
    throw new UsageError(
      `${addressOf(asked)} is not empty: it contains s3://${asked.bucket}/${key}. Choose an empty folder with --to.`,
    );
  }
}

function nestedIn(asked: BatchFolder, { relation, address, isStarted }: NestedPlace): UsageError {
  const other = `the batch at ${address}${isStarted ? '' : ', which is being submitted'}`;
  const how = relation === 'around' ? `is inside ${other}` : `contains ${other}`;
  return new UsageError(`${addressOf(asked)} ${how}. Choose another folder with --to.`);
}

function takenBy(location: BatchFolder, batchId: string | undefined): UsageError {
  const owner = batchId === undefined ? 'another batch' : `batch "${batchId}"`;
  return new UsageError(
    `${addressOf(location)} is the folder of ${owner}. Choose another --id, or another folder with --to.`,
  );
}
