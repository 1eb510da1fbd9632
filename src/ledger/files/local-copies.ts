import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { sharedSignal } from '../../network/shared-signal.js';
import { hashObject, type HashedObject } from '../../storage/hash-object.js';
import type { ObjectRef, ObjectStore } from '../../storage/object-store.js';

/** A local copy of an object as it was when it was fetched; can be read repeatedly and slowly. */
export interface LocalCopy extends HashedObject {
  read(): Readable;
}

/** Fetches objects; undefined if there is no such object. */
export type Fetch = (ref: ObjectRef) => Promise<LocalCopy | undefined>;

/** Gives `use` the means to fetch objects, and always removes the copies afterwards. */
export async function withLocalCopies<T>(
  store: Pick<ObjectStore, 'read'>,
  signal: AbortSignal | undefined,
  use: (fetch: Fetch) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'banana-batch-'));
  const stopped = new AbortController();
  const either = sharedSignal(
    AbortSignal.any(signal === undefined ? [stopped.signal] : [signal, stopped.signal]),
  );
  const fetches: Promise<unknown>[] = [];
  try {
    return await use(async (ref) => {
      const into = path.join(folder, String(fetches.length));
      const fetching = hashObject(store, ref, { into, signal: either });
      fetches.push(fetching);
      const hashed = await fetching;
      return hashed && { ...hashed, read: () => createReadStream(into) };
    });
  } finally {
    // Copies that are no longer awaited are still being written.
    stopped.abort();
    await Promise.allSettled(fetches);
    await rm(folder, { recursive: true, force: true });
  }
}
