import { z } from 'zod';
import { at, sentKey, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { readDocumentIfAny } from './read-document.js';

/**
 * `sent/<key of the generation>.json`: how its create was sent last, where the body has parts that change with time and
 * credentials, so that it is repeated with the identical body, under the same key, or not at all. No URL stands in it,
 * only what one hashes to.
 */
export const SentCreate = z.object({
  format: z.literal(1),
  sentAt: z.iso.datetime(),
  /** How the URLs of input images that lie in the batch were signed. */
  inputs: z
    .object({
      signedAt: z.iso.datetime(),
      validSeconds: z.int().min(1),
      /** sha256 over all of them. */
      urlsSha256: z.string(),
    })
    .exactOptional(),
  /** The generation by whose indexes the URL for webhooks was made: another run of the batch has others. */
  callback: z
    .object({
      run: z.int().min(1),
      shard: z.int().min(0),
      row: z.int().min(0),
      generation: z.int().min(1),
      urlSha256: z.string(),
    })
    .exactOptional(),
});
export type SentCreate = z.infer<typeof SentCreate>;

/** How the create of a generation was sent last; undefined for one that was never sent. Throws `StorageError`. */
export async function readSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
): Promise<SentCreate | undefined> {
  return readDocumentIfAny(store, at(location, sentKey(location, generationKey)), SentCreate);
}

/** Notes how a create is about to be sent. Throws `StorageError`: then it must not be. */
export async function noteSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
  sent: SentCreate,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(sent)}\n`);
  await store.put(at(location, sentKey(location, generationKey)), body, { contentType: 'application/json' });
}

/** Takes the note of a create away that was surely refused. Rows need no permission to delete: then the note stays. */
export async function forgetSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
): Promise<void> {
  await store.delete(at(location, sentKey(location, generationKey))).catch(() => undefined);
}
