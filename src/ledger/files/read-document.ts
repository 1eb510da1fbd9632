import type { z } from 'zod';
import { StorageError, type ObjectRef, type ObjectStore } from '../../storage/object-store.js';

/** A JSON document of the ledger. Throws `StorageError`, and the errors of `schema`. */
export async function readDocument<T>(store: ObjectStore, ref: ObjectRef, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(JSON.parse(await store.readText(ref)));
}

/** The same; undefined if there is no such object. */
export async function readDocumentIfAny<T>(
  store: ObjectStore,
  ref: ObjectRef,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  try {
    return await readDocument(store, ref, schema);
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined;
    throw error;
  }
}
