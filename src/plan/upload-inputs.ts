import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import pMap from 'p-map';
import { uploadedInput } from '../domain/rows/input-image.js';
import { inputListOf } from '../ledger/input-list.js';
import { at, inputImageKey, inputImagesPrefix, type BucketFolder } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';
import type { SheetInput, FoundInputs } from '../sheet/fetch/sheet-inputs.js';
import { SubmissionRefusal } from './submission-refusals.js';

const MIME_TYPES = { png: 'image/png', jpg: 'image/jpeg', webp: 'image/webp' } as const;

/** Each has up to 40 MB and is held in memory completely. */
const PUTS_AT_ONCE = 8;

/** The input images of a sheet that its batch lacks. Throws `StorageError`. */
export async function missingInputs(
  store: ObjectStore,
  location: BucketFolder,
  { images }: Pick<FoundInputs, 'images'>,
): Promise<readonly SheetInput[]> {
  if (images.length === 0) return [];
  const present = new Set<string>();
  for await (const { key } of store.list(location.bucket, inputImagesPrefix(location))) present.add(key);
  return images.filter(({ image }) => !present.has(inputImageKey(location, uploadedInput(image))));
}

/**
 * Uploads a sheet's input images into its batch, each content once, and their list for the workers. Returns the
 * list's key, undefined without input images. `onPut` is called for each with its size. Throws a UsageError if one
 * has changed since it was read, `StorageError`, and `signal`'s reason.
 */
export async function uploadInputs(
  store: ObjectStore,
  location: BucketFolder,
  inputs: Pick<FoundInputs, 'found' | 'images'>,
  {
    openSource,
    onPut,
    signal,
  }: {
    /** Where the objects are that the sheet names. */
    readonly openSource: () => Promise<ObjectStore>;
    readonly onPut: (sizeBytes: number) => void;
    readonly signal: AbortSignal;
  },
): Promise<string | undefined> {
  const list = inputListOf(location, inputs.found);
  if (!list) return undefined;
  await pMap(
    await missingInputs(store, location, inputs),
    async (input) => {
      await putOnce(() => putInput(store, location, input, { openSource, signal }));
      onPut(input.image.sizeBytes);
    },
    { concurrency: PUTS_AT_ONCE, signal },
  );
  const { key, body, sha256 } = list;
  await putOnce(() =>
    store.put(at(location, key), body, {
      contentType: 'application/jsonl',
      sha256,
      condition: { kind: 'absent' },
      signal,
    }),
  );
  return key;
}

async function putInput(
  store: ObjectStore,
  location: BucketFolder,
  { image, source }: SheetInput,
  { openSource, signal }: { readonly openSource: () => Promise<ObjectStore>; readonly signal: AbortSignal },
): Promise<unknown> {
  const { sha256, type } = image;
  const ref = at(location, inputImageKey(location, uploadedInput(image)));
  const options = {
    contentType: MIME_TYPES[type],
    metadata: { sha256 },
    sha256,
    condition: { kind: 'absent' },
    signal,
  } as const;
  const bytes = await bytesOf(source, openSource, signal);
  if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== sha256) {
    const name = source.kind === 'file' ? source.path : `s3://${source.ref.bucket}/${source.ref.key}`;
    throw new SubmissionRefusal(
      'input-changed',
      `The input image ${name} changed while the sheet was being submitted; nothing was started. Submit the sheet again when the file no longer changes.`,
    );
  }
  return store.put(ref, bytes, options);
}

/** The present bytes; undefined if there is nothing any more. */
async function bytesOf(
  source: SheetInput['source'],
  openSource: () => Promise<ObjectStore>,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  try {
    if (source.kind === 'file') return await readFile(source.path, { signal });
    return await buffer(await (await openSource()).read(source.ref, signal));
  } catch (error) {
    if (signal.aborted || (error instanceof StorageError && error.code !== 'not-found')) throw error;
    return undefined;
  }
}

async function putOnce(put: () => Promise<unknown>): Promise<void> {
  try {
    await put();
  } catch (error) {
    // The first writer has put the same bytes there, since the key contains their digest.
    if (!(error instanceof StorageError) || error.code !== 'precondition-failed') throw error;
  }
}
