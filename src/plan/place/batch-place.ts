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

/** Where a batch is: at its home, or where the note at its home says. Undefined if another batch is at its home. */
export async function placeIfAny(
  store: ObjectStore,
  home: BatchLocation,
): Promise<BatchLocation | undefined> {
  const note = await readNote(store, home);
  if (!note) return home;
  return note.batchId === home.batchId ? placeIn(note) : undefined;
}

/** The same; throws a UsageError if another batch is at its home. */
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
 * Where a submission's batch is or will be; `folder` is the requested place. Writes nothing. Throws a UsageError if
 * the batch is elsewhere already, or if the folder is not free.
 */
export async function choosePlace(
  store: ObjectStore,
  home: BatchLocation,
  folder: BatchFolder | undefined,
): Promise<BatchLocation> {
  const known = await findPlace(store, home);
  if (!folder) return known;
  const requested = { ...folder, batchId: home.batchId };
  if (isSamePlace(known, requested)) return known;
  const isLeft = !isSamePlace(known, home) && (await findNote(store, home))?.isVoid;
  if (!isLeft && (!isSamePlace(known, home) || (await hasRuns(store, home)))) {
    throw new UsageError(
      `Batch "${home.batchId}" is already stored at ${addressOf(known)}. Omit --to to continue it there, or use another --id.`,
    );
  }
  await store.checkBucket(folder.bucket);
  await refuseTaken(store, requested);
  return requested;
}

/** Simultaneous submissions of nested folders back off and retry, so that one of them succeeds. */
const CLAIM_ATTEMPTS = 6;
const GIVES_WAY_MS = { least: 100, most: 1_500 };

/**
 * Writes notes of where a batch is that is not at home: first there, then at home, so that no other batch begins in
 * the same folder, around it or inside it. Throws a UsageError if another is there or comes at the same moment.
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
    // An existing note may belong to another submission of the same batch.
    if (isNew) await store.delete(at(location, placeKey(location)));
    if (nested.isStarted || attempt === CLAIM_ATTEMPTS) throw nestedIn(location, nested);
    await delay(randomInt(GIVES_WAY_MS.least, GIVES_WAY_MS.most));
  }
  await claimFolder(store, home, location);
}

/** Writes or renews the note of a batch in a folder; true if there was none. Throws a UsageError if another batch's note is there. */
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
 * Call after a batch's first run has written its request and before it starts: throws a UsageError if another batch
 * was begun in the same folder, around it or inside it meanwhile.
 */
export async function confirmPlace(store: ObjectStore, location: BatchLocation): Promise<void> {
  const note = await readNote(store, location);
  if (note && isSamePlace(note, location) && note.batchId !== location.batchId) {
    if (!(await findNote(store, location))?.isVoid) throw takenBy(location, note.batchId);
  }
  // A batch that wrote no note before this check gives way; one that did waits for the other.
  const mostChecks = note?.batchId === location.batchId ? CONFIRMING_CHECKS : 1;
  let nested = await nestedPlace(store, location);
  for (let check = 1; nested && check < mostChecks; check += 1) {
    await delay(GIVES_WAY_MS.least * 5);
    nested = await nestedPlace(store, location);
  }
  if (nested) throw nestedIn(location, nested);
}

const CONFIRMING_CHECKS = 4;

async function readNote(store: ObjectStore, location: BatchLocation): Promise<PlaceFile | undefined> {
  return readDocumentIfAny(store, at(location, placeKey(location)), PlaceFile);
}

/** A folder is free if it contains only what this batch has put there, and no batch is around it. */
async function refuseTaken(store: ObjectStore, requested: BatchLocation): Promise<void> {
  const found = await findNote(store, requested);
  if (found?.note.batchId === requested.batchId) return;
  if (found && !found.isVoid) throw takenBy(requested, found.note.batchId);
  const around = await placeAround(store, requested);
  if (around) throw nestedIn(requested, around);
  const root = batchRoot(requested);
  // What a submission without a run has left behind does not block others.
  const left = await voidClaimsInside(store, requested);
  const isLeft = (key: string): boolean =>
    left.some((folder) => key.startsWith(folder)) ||
    (found !== undefined && (key === placeKey(requested) || key.startsWith(inputsPrefix(requested))));
  for await (const { key } of store.list(requested.bucket, root)) {
    // Consoles create an empty object for a folder.
    if (key === root || isLeft(key)) continue;
    throw new UsageError(
      `${addressOf(requested)} is not empty: it contains s3://${requested.bucket}/${key}. Choose an empty folder with --to.`,
    );
  }
}

function nestedIn(requested: BatchFolder, { relation, address, isStarted }: NestedPlace): UsageError {
  const other = `the batch at ${address}${isStarted ? '' : ', which is being submitted'}`;
  const how = relation === 'around' ? `is inside ${other}` : `contains ${other}`;
  return new UsageError(`${addressOf(requested)} ${how}. Choose another folder with --to.`);
}

function takenBy(location: BatchFolder, batchId: string | undefined): UsageError {
  const owner = batchId === undefined ? 'another batch' : `batch "${batchId}"`;
  return new UsageError(
    `${addressOf(location)} is the folder of ${owner}. Choose another --id, or another folder with --to.`,
  );
}
