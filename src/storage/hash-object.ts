import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { StorageError, type ObjectRef, type ObjectStore } from './object-store.js';
import { retryTransient } from './transient-retry.js';

/** Size and digest of an object's bytes, as read from the bucket. */
export interface HashedObject {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const RETRY = { attempts: 4, firstDelayMs: 500 };

/**
 * Reads and hashes an object of any size; undefined if there is none. Stores its bytes in the local file `into`, if
 * given. An interrupted body is read again. Throws `StorageError`.
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
