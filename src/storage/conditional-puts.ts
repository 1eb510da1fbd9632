import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { StorageError, type ObjectRef, type ObjectStore, type PutCondition } from './object-store.js';
import { retryTransient } from './transient-retry.js';

/** What is wrong if a server executes a put although its condition fails. */
export const IGNORED = {
  absent: 'A conditional put (If-None-Match) overwrote an existing object.',
  unchanged: 'A conditional put (If-Match) overwrote another version.',
} as const;

/** What to do about it. */
export const CONDITIONS_ADVICE =
  'Use a server with conditional puts (AWS S3, MinIO, Cloudflare R2, versitygw …): without them two runs could overwrite each other, and one run could be started twice.';

/** Key of the result of a bucket's check; `folder` is empty or ends with `/`. */
export function conditionalPutsKey(folder: string): string {
  return `${folder}_checks/conditional-puts.json`;
}

const Checked = z.object({ conditionalPuts: z.literal('honoured'), server: z.string() });

export interface CheckedFolder {
  readonly bucket: string;
  /** Folder of the result. Empty, or ending with `/`. */
  readonly folder: string;
  /** The server's URL; undefined for AWS. A result is valid only for that server. */
  readonly endpoint: string | undefined;
}

/** Of this many simultaneous checks, each may store its result once before the last one does. */
const TRIES = 20;
const LONGEST_WAIT_MS = 500;
const RETRY = { attempts: 3, firstDelayMs: 300 };

/**
 * Whether a bucket ignores the conditions of puts: undefined if it does not, else what is wrong. The result is stored
 * in the bucket, so that each bucket is checked once; nothing is deleted. Without permission to write, nothing is
 * checked. Throws StorageError.
 */
export async function ignoredCondition(
  store: Pick<ObjectStore, 'put' | 'head' | 'readText'>,
  { bucket, folder, endpoint }: CheckedFolder,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const ref = { bucket, key: conditionalPutsKey(folder) };
  const server = endpoint === undefined ? 'AWS' : new URL(endpoint).origin;
  const check = new ConditionCheck(store, ref, signal);
  try {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      if (await check.wasGood(server)) return undefined;
      const ignored = await check.firstIgnored();
      if (ignored !== undefined) return ignored;
      if (await check.keep({ conditionalPuts: 'honoured', server })) return undefined;
      // Another check of the same bucket was faster, and may have finished.
      await delay(Math.random() * LONGEST_WAIT_MS, undefined, { ...(signal && { signal }) }).catch(
        () => undefined,
      );
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.code === 'denied') return undefined;
    if (error.code === 'other') return `The server refuses a conditional put: ${error.message}`;
    throw error;
  }
  return 'A conditional put (If-Match) is refused although the object has the given version.';
}

class ConditionCheck {
  readonly #store: Pick<ObjectStore, 'put' | 'head' | 'readText'>;
  readonly #ref: ObjectRef;
  readonly #signal: AbortSignal | undefined;

  constructor(
    store: Pick<ObjectStore, 'put' | 'head' | 'readText'>,
    ref: ObjectRef,
    signal: AbortSignal | undefined,
  ) {
    this.#store = store;
    this.#ref = ref;
    this.#signal = signal;
  }

  /** Whether an earlier check of this server succeeded. */
  async wasGood(server: string): Promise<boolean> {
    try {
      const text = await this.#store.readText(this.#ref, this.#signal);
      return Checked.parse(JSON.parse(text)).server === server;
    } catch (error) {
      if (error instanceof StorageError && error.code !== 'not-found') throw error;
      return false;
    }
  }

  /** The first of the two conditions that is ignored; leaves an object that marks a running check. */
  async firstIgnored(): Promise<string | undefined> {
    // The first put may find an object or not; afterwards there is one.
    await this.#put({ kind: 'absent' });
    if (await this.#put({ kind: 'absent' })) return IGNORED.absent;
    const another = `"${createHash('md5').update(randomUUID()).digest('hex')}"`;
    return (await this.#put({ kind: 'unchanged', etag: another })) ? IGNORED.unchanged : undefined;
  }

  /** Stores the result over the present version; false if that is refused. */
  async keep(result: z.infer<typeof Checked>): Promise<boolean> {
    const head = await this.#store.head(this.#ref, this.#signal);
    return head !== undefined && (await this.#put({ kind: 'unchanged', etag: head.etag }, result));
  }

  /** Whether the put took effect. */
  async #put(condition: PutCondition, content: object = { checking: randomUUID() }): Promise<boolean> {
    try {
      // AWS answers 409 to one of two simultaneous puts.
      await retryTransient(RETRY, this.#signal, () =>
        this.#store.put(this.#ref, Buffer.from(`${JSON.stringify(content)}\n`), {
          contentType: 'application/json',
          condition,
          ...(this.#signal && { signal: this.#signal }),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof StorageError && error.code === 'precondition-failed') return false;
      throw error;
    }
  }
}
