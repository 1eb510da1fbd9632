import path from 'node:path';
import { UsageError } from '../errors.js';
import { PlaceFile } from '../ledger/documents.js';
import { toJsonLines } from '../ledger/json-lines.js';
import { readDocumentIfAny } from '../ledger/read-document.js';
import {
  addressOf,
  at,
  batchFileKey,
  batchRoot,
  isSamePlace,
  placeKey,
  runsPrefix,
  type BatchLocation,
} from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';

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
  if (note && note.batchId !== home.batchId) throw takenBy(home, note.batchId);
  return note ? placeIn(note) : home;
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
  if (!isSamePlace(known, home) || (await hasRuns(store, home))) {
    throw new UsageError(
      `Batch "${home.batchId}" lives at ${addressOf(known)} already. Leave --to out to go on with it there, or give this one another --id.`,
    );
  }
  await store.checkBucket(folder.bucket);
  await refuseTaken(store, asked);
  return asked;
}

/** Notes where a batch lives that is not at home: first there, then at home, so that nobody else's batch begins in the same folder. */
export async function claimPlace(
  store: ObjectStore,
  home: BatchLocation,
  location: BatchLocation,
): Promise<void> {
  if (isSamePlace(home, location)) return;
  for (const noted of [location, home]) {
    await putNote(store, noted, location);
    const owner = await readNote(store, noted);
    if (owner?.batchId !== location.batchId) throw takenBy(noted, owner?.batchId);
    if (!isSamePlace(owner, location)) {
      throw new UsageError(
        `Batch "${location.batchId}" was given another place at the same moment: ${addressOf(owner)}. See it with: banana-batch status ${location.batchId}`,
      );
    }
  }
}

async function readNote(store: ObjectStore, location: BatchLocation): Promise<PlaceFile | undefined> {
  return readDocumentIfAny(store, at(location, placeKey(location)), PlaceFile);
}

async function putNote(store: ObjectStore, noted: BatchLocation, location: BatchLocation): Promise<void> {
  const { bucket, root, batchId } = location;
  const note: PlaceFile = { format: 1, batchId, bucket, root };
  try {
    await store.put(at(noted, placeKey(noted)), toJsonLines([note]), {
      contentType: 'application/json',
      condition: { kind: 'absent' },
    });
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'precondition-failed') throw error;
  }
}

/** A folder is free where nothing lies in it but what this batch has put there, and no batch lives around it. */
async function refuseTaken(store: ObjectStore, asked: BatchLocation): Promise<void> {
  const note = await readNote(store, asked);
  if (note?.batchId === asked.batchId) return;
  if (note) throw takenBy(asked, note.batchId);
  for (const root of foldersAround(batchRoot(asked))) {
    const around = { ...asked, root };
    if (await store.head(at(around, batchFileKey(around)))) {
      throw new UsageError(
        `${addressOf(asked)} lies inside the batch at ${addressOf(around)}. Choose a folder of its own with --to.`,
      );
    }
  }
  for await (const { key } of store.list(asked.bucket, batchRoot(asked))) {
    // Consoles put an empty object in place of a folder.
    if (key === batchRoot(asked)) continue;
    throw new UsageError(
      `${addressOf(asked)} is not empty: s3://${asked.bucket}/${key} lies there, and files of the batch would take the places of others. Choose a folder of its own with --to.`,
    );
  }
}

function foldersAround(root: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = path.posix.dirname(root); folder !== '.'; folder = path.posix.dirname(folder)) {
    folders.push(`${folder}/`);
  }
  return folders;
}

async function hasRuns(store: ObjectStore, location: BatchLocation): Promise<boolean> {
  for await (const _ of store.list(location.bucket, runsPrefix(location))) return true;
  return false;
}

function takenBy(location: BatchFolder, batchId: string | undefined): UsageError {
  const owner = batchId === undefined ? 'another batch' : `batch "${batchId}"`;
  return new UsageError(
    `${addressOf(location)} is the folder of ${owner}. Choose another --id, or another folder with --to.`,
  );
}
