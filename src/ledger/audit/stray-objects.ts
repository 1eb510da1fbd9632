import { pMapIterable } from 'p-map';
import { fromStoredIdentity } from '../../domain/images/stored-identity.js';
import { conditionalPutsKey } from '../../storage/conditional-puts.js';
import {
  at,
  batchFileKey,
  batchRoot,
  contactSheetKey,
  failuresKey,
  imagesCardKey,
  imagesPrefix,
  inputsPrefix,
  metadataKey,
  placeKey,
  probeKey,
  rejectsKey,
  reportKey,
  resultsKey,
  runsPrefix,
  sentPrefix,
  type BatchLocation,
} from '../../storage/layout.js';
import type { ListedObject, ObjectStore } from '../../storage/object-store.js';
import type { DifferenceKind } from './difference.js';
import type { Seal } from './newest-seal.js';
import type { SealedRowsIndex } from './sealed-rows-index.js';

/** An object of a batch from the listing of its folder; `stray` is its kind if the seal does not name it. */
export interface ListedPlace {
  /** Below the batch. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly stray:
    | Extract<DifferenceKind, 'orphan-image' | 'stale-page' | 'unclaimed-image' | 'foreign-object'>
    /** The thumbnail of an image that no stored row has any more: left over, but no difference for `verify`. */
    | 'spare-thumbnail'
    | undefined;
}

type Place = 'known' | 'image' | 'spare-thumbnail' | 'stale-page' | 'foreign-object';

const THUMBNAIL = /^thumbnails\/([0-9a-f]{64})\.webp$/;
const HEADS_AT_ONCE = 64;

/** The kind of a key below the batch by its name alone; `image` for one below `images/` that no stored row names. */
export function placeOf(
  key: string,
  sealed: {
    readonly isStoredImage: (key: string) => boolean;
    readonly isStoredBytes: (sha256: string) => boolean;
    readonly isSealedFile: (key: string) => boolean;
    readonly runSeq: number;
  },
  fixed: FixedKeys,
): Place {
  if (fixed.keys.has(key) || sealed.isSealedFile(key)) return 'known';
  // The ledgers of all runs, all inputs and all notes of sent creates: no seal lists them.
  if (fixed.ledgers.some((prefix) => key.startsWith(prefix))) return 'known';
  if (key.startsWith(fixed.images) && !key.endsWith('/'))
    return sealed.isStoredImage(key) ? 'known' : 'image';
  const [, sha256] = THUMBNAIL.exec(key) ?? [];
  if (sha256 !== undefined) return sealed.isStoredBytes(sha256) ? 'known' : 'spare-thumbnail';
  if (mayBeOutdated(key, sealed.runSeq)) return 'stale-page';
  // Consoles create an empty object for a folder.
  return key === '' || key.endsWith('/') ? 'known' : 'foreign-object';
}

/** The keys that every batch has, below its root. */
export interface FixedKeys {
  readonly keys: ReadonlySet<string>;
  /** Prefixes of objects that are never checked and never deleted. */
  readonly ledgers: readonly string[];
  readonly images: string;
}

/** The keys that every batch has, below its root. */
export function fixedKeys(location: BatchLocation): FixedKeys {
  const below = (key: string): string => key.slice(batchRoot(location).length);
  const files = [batchFileKey, reportKey, failuresKey, rejectsKey, metadataKey, resultsKey, contactSheetKey];
  const others = [imagesCardKey, placeKey, probeKey, checkedKey];
  return {
    keys: new Set([...files, ...others].map((keyOf) => below(keyOf(location)))),
    ledgers: [runsPrefix, inputsPrefix, sentPrefix].map((prefixOf) => below(prefixOf(location))),
    images: below(imagesPrefix(location)),
  };
}

/** It is in the batch's folder if the batch has its own bucket. */
function checkedKey(location: BatchLocation): string {
  return conditionalPutsKey(batchRoot(location));
}

/** Every object of a sealed batch, with its kind if the seal does not name it. Throws `StorageError`. */
export async function* listPlaces(
  store: ObjectStore,
  { run, report }: Pick<Seal, 'run' | 'report'>,
  index: SealedRowsIndex,
  signal: AbortSignal,
): AsyncGenerator<ListedPlace> {
  const root = batchRoot(run);
  const fixed = fixedKeys(run);
  const sealed = {
    isStoredImage: index.isStoredImage,
    isStoredBytes: index.isStoredBytes,
    isSealedFile: (key: string) => Object.hasOwn(report.digests, key),
    runSeq: report.runSeq,
  };
  const classify = async ({ key: fullKey, sizeBytes }: ListedObject): Promise<ListedPlace> => {
    const key = fullKey.slice(root.length);
    const place = placeOf(key, sealed, fixed);
    if (place !== 'image') return { key, sizeBytes, stray: place === 'known' ? undefined : place };
    const head = await store.head(at(run, fullKey), signal);
    // Deleted since it was listed.
    if (!head) return { key, sizeBytes, stray: undefined };
    const identity = fromStoredIdentity(head.metadata);
    if (!identity) return { key, sizeBytes, stray: 'foreign-object' };
    const stray = index.lacksImage(identity) ? 'unclaimed-image' : 'orphan-image';
    return { key, sizeBytes, stray };
  };
  yield* pMapIterable(store.list(run.bucket, root, signal), classify, { concurrency: HEADS_AT_ONCE });
}

/** Whether a key below the batch may be from a seal up to run `runSeq` and not rewritten by the next one, so that it is obsolete. */
export function mayBeOutdated(key: string, runSeq: number): boolean {
  if (key === 'near-duplicates.csv' || /^contact-sheet\/\d{4,}\.html$/.test(key)) return true;
  const [, folder] = /^contact-sheet\/(\d{4,})\/[a-z]+-[a-z0-9]+\.js$/.exec(key) ?? [];
  return folder !== undefined && Number(folder) <= runSeq;
}
