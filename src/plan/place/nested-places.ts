import path from 'node:path';
import {
  addressOf,
  at,
  batchFileKey,
  batchRoot,
  isSamePlace,
  requestKey,
  type BatchLocation,
} from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { findNote } from './place-notes.js';

/** A batch, or a submission of one, in a folder around or inside another's. */
export interface NestedPlace {
  readonly relation: 'around' | 'inside';
  readonly address: string;
  /** It has a run, and does not give way any more. */
  readonly isStarted: boolean;
}

/**
 * A batch around or inside a folder, by the notes and runs there; abandoned claims do not count. If two submissions
 * each write their note or request before they check, at least one sees the other's.
 */
export async function nestedPlace(
  store: ObjectStore,
  location: BatchLocation,
): Promise<NestedPlace | undefined> {
  return (await placeAround(store, location)) ?? (await placeInside(store, location));
}

/** The same for the folders around it only. */
export async function placeAround(
  store: ObjectStore,
  location: BatchLocation,
): Promise<NestedPlace | undefined> {
  for (const root of foldersAround(batchRoot(location))) {
    const around = { ...location, root };
    const found = { relation: 'around', address: addressOf(around) } as const;
    if (await store.head(at(around, batchFileKey(around)))) return { ...found, isStarted: true };
    const noted = await findNote(store, around);
    // A batch that is elsewhere has only its note in the folder.
    const isElsewhere = noted && !isSamePlace(noted.note, around);
    if (noted && !isElsewhere && !noted.isVoid) return { ...found, isStarted: noted.isStarted };
    if (!noted && (await store.head(at(around, requestKey(around, 1))))) return { ...found, isStarted: true };
  }
  return undefined;
}

const OF_A_BATCH = /^(.+\/)(place\.json|batch\.json|runs\/\d{4,}\/request\.json)$/s;

async function placeInside(store: ObjectStore, location: BatchLocation): Promise<NestedPlace | undefined> {
  const outer = batchRoot(location);
  for await (const { key } of store.list(location.bucket, outer)) {
    const [, folder, file] = OF_A_BATCH.exec(key.slice(outer.length)) ?? [];
    if (folder === undefined) continue;
    const inside = { ...location, root: `${outer}${folder}` };
    const found = { relation: 'inside', address: addressOf(inside) } as const;
    if (file !== 'place.json') return { ...found, isStarted: true };
    const noted = await findNote(store, inside);
    if (noted && !noted.isVoid) return { ...found, isStarted: noted.isStarted };
  }
  return undefined;
}

/** The folders inside a folder with abandoned claims of submissions that never got a run. */
export async function voidClaimsInside(
  store: ObjectStore,
  location: BatchLocation,
): Promise<readonly string[]> {
  const outer = batchRoot(location);
  const roots: string[] = [];
  for await (const { key } of store.list(location.bucket, outer)) {
    const [, folder, file] = OF_A_BATCH.exec(key.slice(outer.length)) ?? [];
    if (folder === undefined || file !== 'place.json') continue;
    const root = `${outer}${folder}`;
    if ((await findNote(store, { ...location, root }))?.isVoid) roots.push(root);
  }
  return roots;
}

function foldersAround(root: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = path.posix.dirname(root); folder !== '.'; folder = path.posix.dirname(folder)) {
    folders.push(`${folder}/`);
  }
  return folders;
}
