import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { FoundInput, InputImages } from '../sheet/index.js';
import { at, inputKey, type BucketFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { readJsonLines, toJsonLines } from './files/json-lines.js';

/** A line of a list of input images: the sheet's name of one, and its bytes' digest at submission. */
const InputLine = z.object({
  reference: z.string(),
  found: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('image'),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      type: z.enum(['png', 'jpg', 'webp']),
      sizeBytes: z.int().min(0),
    }),
    z.object({ kind: z.literal('broken'), rule: z.string() }),
  ]),
}) satisfies z.ZodType<{ readonly reference: string; readonly found: FoundInput }>;
export type InputLine = z.infer<typeof InputLine>;

/**
 * The document that lists a sheet's input images for the workers, since they are where only the submission could read
 * them, and its key, which contains its digest; undefined without any.
 */
export function inputListOf(
  location: BucketFolder,
  found: ReadonlyMap<string, FoundInput>,
): { readonly key: string; readonly body: Buffer; readonly sha256: string } | undefined {
  if (found.size === 0) return undefined;
  const lines = [...found].map(([reference, one]): InputLine => ({ reference, found: one }));
  const body = toJsonLines(lines.toSorted((a, b) => (a.reference < b.reference ? -1 : 1)));
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { key: inputKey(location, sha256, 'images.jsonl'), body, sha256 };
}

/** The lines of the document at a key. Throws `StorageError`. */
export async function* inputLines(
  store: ObjectStore,
  location: BucketFolder,
  key: string,
): AsyncGenerator<InputLine> {
  yield* readJsonLines(await store.read(at(location, key)), InputLine, key);
}

/** The input images of a run's sheet at submission; undefined without any. Throws `StorageError`. */
export async function listedInputs(
  store: ObjectStore,
  location: BucketFolder,
  { inputListKey }: { readonly inputListKey?: string },
): Promise<InputImages | undefined> {
  if (inputListKey === undefined) return undefined;
  const found = new Map<string, FoundInput>();
  for await (const line of inputLines(store, location, inputListKey)) found.set(line.reference, line.found);
  return { prepare: async () => undefined, find: (reference) => found.get(reference) };
}
