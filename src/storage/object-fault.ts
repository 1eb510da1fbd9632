import { hashObject } from './hash-object.js';
import { StorageError, type ObjectRef, type ObjectStore, type StorageErrorCode } from './object-store.js';

/** The result of reading one object among others. */
export type ObjectReading<T> =
  | { readonly kind: 'read'; readonly value: T }
  | {
      readonly kind: 'unreadable';
      /** The bytes are there, but differ from those that were stored. */
      readonly isCorrupted: boolean;
      readonly reason: string;
    };

/** Codes that are never one object's fault. */
const OF_THE_BUCKET: ReadonlySet<StorageErrorCode> = new Set(['bad-credentials', 'bucket-missing']);

/**
 * Reads one object by `read`. If that fails although the bucket works, as another object, the `witness`, shows, the
 * object itself is damaged: that is a result and not an error, so that the others can be read. Throws `StorageError`
 * if the bucket fails, and whatever else `read` throws.
 */
export async function readOrFault<T>(
  read: () => Promise<T>,
  {
    store,
    witness,
    signal,
  }: {
    readonly store: Pick<ObjectStore, 'read'>;
    readonly witness: ObjectRef;
    readonly signal: AbortSignal;
  },
): Promise<ObjectReading<T>> {
  try {
    return { kind: 'read', value: await read() };
  } catch (error) {
    if (!(error instanceof StorageError) || OF_THE_BUCKET.has(error.code)) throw error;
    if (error.code === 'corrupted') return unreadable(error);
    const isWell = await hashObject(store, witness, { signal }).catch((reason: unknown) => {
      if (reason instanceof StorageError) return undefined;
      throw reason;
    });
    if (!isWell) throw error;
  }
  // The bucket may have been unavailable only for a moment.
  try {
    return { kind: 'read', value: await read() };
  } catch (error) {
    if (!(error instanceof StorageError) || OF_THE_BUCKET.has(error.code)) throw error;
    return unreadable(error);
  }
}

function unreadable(error: StorageError): Extract<ObjectReading<never>, { kind: 'unreadable' }> {
  const isCorrupted = error.code === 'corrupted';
  return {
    kind: 'unreadable',
    isCorrupted,
    reason: isCorrupted ? 'its bytes do not match their checksum in the bucket' : error.message,
  };
}
