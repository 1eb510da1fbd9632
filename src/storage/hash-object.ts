import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { StorageError, type ObjectRef, type ObjectStore } from './object-store.js';
import { retryTransient } from './transient-retry.js';

/** What an object's bytes are, as they came out of the bucket. */
export interface HashedObject {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const RETRY = { attempts: 4, firstDelayMs: 500 };

/**
 * Reads an object to its end and hashes it on the way, of whatever size; undefined where there is none. Its bytes are
 * kept in the local file `into`, where one is named. A body that breaks off is read again. Throws `StorageError`.
 */
export async function hashObject(
  store: Pick<ObjectStore, 'read'>,
  ref: ObjectRef,
  { into, signal }: { readonly into?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<HashedObject | undefined> {
  try {
    return await retryTransient(RETRY, signal, async () => {
      const hash = createHash('sha256');
      let sizeBytes = 0;
      const body = await store.read(ref, signal);
      async function* hashed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of chunks) {
          hash.update(chunk);
          sizeBytes += chunk.length;
          yield chunk;
        }
      }
      if (into === undefined) for await (const _ of hashed(body));
      else await pipeline(body, hashed, createWriteStream(into));
      return { sha256: hash.digest('hex'), sizeBytes };
    });
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined;
    throw error;
  }
}
