import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import pMap from 'p-map';
import { MOST_INPUT_BYTES } from '../../domain/rows/generation-settings.js';
import { uploadedAt } from '../../domain/rows/input-image.js';
import { inputImageType } from '../../domain/images/bytes/inspect.js';
import type { FoundInput, InputImages } from '../index.js';
import { StorageError, type ObjectRef, type ObjectStore } from '../../storage/object-store.js';

/** The base of relative paths in a sheet; nowhere for a sheet from the web, which may name no files of this machine. */
export type PathBase =
  | { readonly kind: 'folder'; readonly folder: string }
  /** `prefix` is empty or ends with a slash. */
  | { readonly kind: 'bucket'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'nowhere' };

/** Where an input image's bytes are. */
export type InputSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'object'; readonly ref: ObjectRef };

/** An input image of a sheet by its content, and one place of its bytes. */
export interface SheetInput {
  readonly image: Extract<FoundInput, { kind: 'image' }>;
  readonly source: InputSource;
}

/** The images found for a sheet. */
export interface FoundInputs extends InputImages {
  /** By the sheet's name of each. */
  readonly found: ReadonlyMap<string, FoundInput>;
  /** The images among them, each once. */
  readonly images: readonly SheetInput[];
}

/** Each has up to 40 MB and is held in memory completely. */
const READS_AT_ONCE = 8;

/**
 * The input images that a submitted sheet names: each is read once, hashed and checked; none is changed or sent
 * anywhere. `onRead` is called for each with its size. `find` never throws; `prepare` throws StorageError if no
 * bucket is usable, and `signal`'s reason.
 */
export class SheetInputs implements FoundInputs {
  readonly #base: PathBase;
  readonly #openStore: () => Promise<ObjectStore>;
  readonly #signal: AbortSignal;
  readonly #found = new Map<string, FoundInput>();
  readonly #byContent = new Map<string, SheetInput>();
  #onRead: (count: number, sizeBytes: number) => void = () => undefined;
  #sizeBytes = 0;
  #outside = 0;
  #lent = 0;

  constructor(options: {
    readonly base: PathBase;
    /** Called only if an object is named. */
    readonly openStore: () => Promise<ObjectStore>;
    readonly signal: AbortSignal;
  }) {
    this.#base = options.base;
    this.#openStore = options.openStore;
    this.#signal = options.signal;
  }

  /** By the sheet's name of each. */
  get found(): ReadonlyMap<string, FoundInput> {
    return this.#found;
  }

  /** The images among them, each once. */
  get images(): readonly SheetInput[] {
    return [...this.#byContent.values()];
  }

  /** Number of files outside of the sheet's folder, after resolving links. */
  get outside(): number {
    return this.#outside;
  }

  /** Number of objects named by a sheet from the web and read with this machine's credentials. */
  get lent(): number {
    return this.#lent;
  }

  /** `onRead` is called after each read with the number so far and their total size. */
  whileReading(onRead: (count: number, sizeBytes: number) => void): void {
    this.#onRead = onRead;
  }

  find(reference: string): FoundInput | undefined {
    return this.#found.get(reference);
  }

  async prepare(references: readonly string[]): Promise<void> {
    const unknown = [...new Set(references)].filter((reference) => !this.#found.has(reference));
    await pMap(unknown, (reference) => this.#inspect(reference), {
      concurrency: READS_AT_ONCE,
      signal: this.#signal,
    });
  }

  async #inspect(reference: string): Promise<void> {
    const place = this.#placeOf(reference);
    if (place.kind === 'broken') {
      this.#found.set(reference, place);
      return;
    }
    const found =
      place.kind === 'file'
        ? await lookAtFile(place.path)
        : await lookAtObject(await this.#openStore(), place.ref, this.#signal);
    this.#found.set(reference, found);
    if (found.kind === 'broken') return;
    if (!this.#byContent.has(found.sha256))
      this.#byContent.set(found.sha256, { image: found, source: place });
    if (place.kind === 'file' && (await this.#isOutside(place.path))) this.#outside += 1;
    if (place.kind === 'object' && this.#base.kind === 'nowhere') this.#lent += 1;
    this.#sizeBytes += found.sizeBytes;
    this.#onRead(this.#found.size, this.#sizeBytes);
  }

  #placeOf(reference: string): InputSource | Extract<FoundInput, { kind: 'broken' }> {
    if (/^s3:\/\//i.test(reference)) {
      const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/is.exec(reference) ?? [];
      return bucket && key ? objectAt({ bucket, key }) : broken('expected s3://bucket/key');
    }
    const base = this.#base;
    switch (base.kind) {
      case 'folder':
        return { kind: 'file', path: path.resolve(base.folder, reference) };
      case 'bucket': {
        const key = path.posix.normalize(`${base.prefix}${reference}`);
        return reference.startsWith('/') || key.startsWith('../')
          ? broken(
              'a path in a sheet from s3:// names an object beside the sheet: it must not begin with / or lead out of the bucket',
            )
          : objectAt({ bucket: base.bucket, key });
      }
      case 'nowhere':
        return broken(
          'a sheet from the web must name its input images by http(s) URLs or s3://bucket/key, not by files of this machine. Download the sheet to use paths',
        );
    }
  }

  async #isOutside(file: string): Promise<boolean> {
    if (this.#base.kind !== 'folder') return false;
    const [folder, target] = await Promise.all([realOf(this.#base.folder), realOf(file)]);
    const relative = path.relative(folder, target);
    return relative.startsWith('..') || path.isAbsolute(relative);
  }
}

function broken(rule: string): Extract<FoundInput, { kind: 'broken' }> {
  return { kind: 'broken', rule };
}

/** Source: AWS, naming rules of buckets; some servers accept more characters than AWS. */
const BUCKET_NAME = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i;
const LONGEST_KEY_BYTES = 1024;

/** For an invalid object key, servers answer as if the whole bucket were wrong, or fail. */
function objectAt(ref: ObjectRef): InputSource | Extract<FoundInput, { kind: 'broken' }> {
  const { bucket, key } = ref;
  if (!BUCKET_NAME.test(bucket)) return broken('not a valid bucket name: expected s3://bucket/key');
  const isName =
    Buffer.byteLength(key) <= LONGEST_KEY_BYTES &&
    !/[\p{Cc}\p{Surrogate}]/u.test(key) &&
    !key.split('/').some((part) => part === '.' || part === '..');
  return isName
    ? { kind: 'object', ref }
    : broken(
        `not a valid object key: expected at most ${LONGEST_KEY_BYTES} bytes, no control characters, and no . or .. between slashes`,
      );
}

/** The target of a path; the path itself if it has just disappeared. */
async function realOf(name: string): Promise<string> {
  return realpath(name).catch(() => name);
}

const TOO_LARGE = `an input image has at most ${MOST_INPUT_BYTES / 1_000_000} MB; this one has more`;

async function lookAtFile(file: string): Promise<FoundInput> {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) return broken('an input image must be a file; this is a folder or a device');
    if (facts.size > MOST_INPUT_BYTES) return broken(TOO_LARGE);
    return lookAtBytes(await readFile(file));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return broken('file not found; paths are relative to the sheet, and a path with spaces needs quotes');
    }
    if (code === 'EACCES' || code === 'EPERM') return broken('this user has no permission to read this file');
    return broken(`this file cannot be read (${code})`);
  }
}

async function lookAtObject(store: ObjectStore, ref: ObjectRef, signal: AbortSignal): Promise<FoundInput> {
  try {
    const head = await store.head(ref, signal);
    if (!head) return broken('object not found');
    if (head.sizeBytes > MOST_INPUT_BYTES) return broken(TOO_LARGE);
    // Images uploaded by a submission need not be read again: failures.csv may name a hundred thousand of them.
    const known = uploadedAt(ref.key);
    if (known && head.metadata['sha256'] === known.sha256) {
      return { kind: 'image', ...known, sizeBytes: head.sizeBytes };
    }
    return lookAtBytes(await buffer(await store.read(ref, signal)));
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    switch (error.code) {
      case 'not-found':
        return broken('object not found');
      case 'bucket-missing':
        return broken('bucket not found');
      case 'denied':
        return broken('the credentials may not read this object');
      case 'bad-credentials':
      case 'precondition-failed':
      case 'unreachable':
      case 'unavailable':
      case 'corrupted':
      case 'other':
        throw error;
    }
  }
}

function lookAtBytes(bytes: Buffer): FoundInput {
  const seen = inputImageType(bytes);
  if (seen.kind === 'broken') return broken(`an input image must be a PNG, JPEG or WebP: ${seen.reason}`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { kind: 'image', sha256, type: seen.type, sizeBytes: bytes.length };
}
