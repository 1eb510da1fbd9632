import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { hashObject, type HashedObject } from '../storage/hash-object.js';
import type { ObjectRef, ObjectStore } from '../storage/object-store.js';

/** An object on the local disk, as it was when it was fetched: to be read as often and as slowly as one likes. */
export interface LocalCopy extends HashedObject {
  read(): Readable;
}

/** Fetches objects; undefined for one that is not there. */
export type Fetch = (ref: ObjectRef) => Promise<LocalCopy | undefined>;

/** Gives `use` the means to fetch objects, and removes the copies afterwards, whatever happens. */
export async function withLocalCopies<T>(
  store: Pick<ObjectStore, 'read'>,
  signal: AbortSignal | undefined,
  use: (fetch: Fetch) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'banana-batch-'));
  let fetched = 0;
  try {
    return await use(async (ref) => {
      const into = path.join(folder, String(fetched++));
      const hashed = await hashObject(store, ref, { into, signal });
      return hashed && { ...hashed, read: () => createReadStream(into) };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
