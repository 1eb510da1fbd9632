import { z } from 'zod';
import { at, sentKey, type BatchLocation } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';
import { readDocumentIfAny } from './files/read-document.js';

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

/** A note as it stands in the bucket. */
export interface NotedCreate {
  /** Undefined where it cannot be read: cut, or of a later version. */
  readonly sent: SentCreate | undefined;
  readonly notedAtMs: number;
  readonly etag: string;
}

/** How the create of a generation was sent last; undefined for one that was never sent. Throws `StorageError`. */
export async function readSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
): Promise<NotedCreate | undefined> {
  const ref = at(location, sentKey(location, generationKey));
  // The etag first: where the note is replaced meanwhile, it fits nothing any more.
  const head = await store.head(ref);
  if (!head) return undefined;
  const { etag, lastModified = new Date() } = head;
  const noted = { etag, notedAtMs: lastModified.getTime() };
  try {
    const sent = await readDocumentIfAny(store, ref, SentCreate);
    return sent && { ...noted, sent };
  } catch (error) {
    if (error instanceof StorageError) throw error;
    return { ...noted, sent: undefined };
  }
}

/**
 * Notes how a create is about to be sent, in place of the note that was found, if any. False where another sender has
 * noted its own meanwhile, or an earlier try of this very put has taken effect: read it, and send nothing else.
 * Throws `StorageError`: then nothing must be sent.
 */
export async function noteSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
  { sent, inPlaceOf }: { readonly sent: SentCreate; readonly inPlaceOf: NotedCreate | undefined },
): Promise<boolean> {
  const body = Buffer.from(`${JSON.stringify(sent)}\n`);
  const condition = inPlaceOf
    ? ({ kind: 'unchanged', etag: inPlaceOf.etag } as const)
    : ({ kind: 'absent' } as const);
  try {
    await store.put(at(location, sentKey(location, generationKey)), body, {
      contentType: 'application/json',
      condition,
    });
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return false;
    throw error;
  }
}

/** Takes the note of a create away that was surely refused. Rows need no permission to delete: then the note stays. */
export async function forgetSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
): Promise<void> {
  await store.delete(at(location, sentKey(location, generationKey))).catch(() => undefined);
}
