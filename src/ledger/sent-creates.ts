import { z } from 'zod';
import { at, sentKey, type BatchLocation } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';
import { readDocumentIfAny } from './files/read-document.js';

/**
 * `sent/<key of the generation>.json`: how its create was last sent, if the body has parts that change with time and
 * credentials, so that it is repeated with the identical body and key, or not at all. Contains no URL, only hashes.
 */
export const SentCreate = z.object({
  format: z.literal(1),
  sentAt: z.iso.datetime(),
  /** How the URLs of uploaded input images were signed. */
  inputs: z
    .object({
      signedAt: z.iso.datetime(),
      validSeconds: z.int().min(1),
      /** sha256 over all of them. */
      urlsSha256: z.string(),
    })
    .exactOptional(),
  /** The generation from whose indexes the URL for webhooks was made: another run of the batch has others. */
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

/** A note in the bucket. */
export interface NotedCreate {
  /** Undefined if it is unreadable: truncated, or of a later version. */
  readonly sent: SentCreate | undefined;
  readonly notedAtMs: number;
  readonly etag: string;
}

/** How the create of a generation was last sent; undefined if it never was. Throws `StorageError`. */
export async function readSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
): Promise<NotedCreate | undefined> {
  const ref = at(location, sentKey(location, generationKey));
  // The etag first: if the note is replaced meanwhile, it matches nothing any more.
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
 * Records how a create is about to be sent, replacing the note that was found, if any. False if another sender has
 * recorded its own meanwhile, or an earlier attempt of this put has succeeded: read it, and send nothing else. Throws
 * `StorageError`: then nothing must be sent.
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

/** Deletes the note of a create that was certainly refused. Rows have no permission to delete: then the note stays. */
export async function forgetSentCreate(
  store: ObjectStore,
  location: BatchLocation,
  generationKey: string,
): Promise<void> {
  await store.delete(at(location, sentKey(location, generationKey))).catch(() => undefined);
}
