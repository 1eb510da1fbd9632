import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { UsageError } from '../../errors.js';

/** A completed shard. */
export interface WrittenFile {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** A local file that is written sequentially and hashed on the way. Errors are Node's own. */
export class ShardFile {
  readonly #file: number;
  readonly #hash = createHash('sha256');
  #sizeBytes = 0;
  #isOpen = true;

  constructor(filePath: string) {
    this.#file = openSync(filePath, 'w');
  }

  write(bytes: Uint8Array): void {
    // The system may write only a part of it.
    for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Ends the writing; by then everything is on disk. */
  end(): WrittenFile {
    fsyncSync(this.#file);
    this.close();
    return { sizeBytes: this.#sizeBytes, sha256: this.#hash.digest('hex') };
  }

  /** Releases the file; may be called at any time. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#file);
  }
}

/** The place of an export: a folder, or a prefix in a bucket. Files are directly in it; each is complete or absent. */
export interface ExportPlace {
  /** For users and for `--to`. */
  readonly address: string;
  /** Creates what separates unfinished files of this program from finished ones; call it first. */
  prepare(): Promise<void>;
  /** The files directly in it by name, with their sizes. */
  list(): Promise<ReadonlyMap<string, number>>;
  /** Undefined if there is no such file. */
  readText(name: string): Promise<string | undefined>;
  writeText(name: string, text: string, contentType: string): Promise<void>;
  /** Writes a file of any length through `fill`; it gets its name only once it is complete. */
  writeFile(
    name: string,
    contentType: string,
    fill: (file: ShardFile) => Promise<void>,
  ): Promise<WrittenFile>;
  /** Also succeeds if there is no such file. */
  delete(name: string): Promise<void>;
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Make room, or choose another place',
  EDQUOT: 'the disk quota is exceeded. Make room, or choose another place',
  EACCES: 'this user has no permission to write there. Choose another place, or change its permissions',
  EPERM: 'this user has no permission to write there. Choose another place, or change its permissions',
  EROFS: 'it is read-only. Choose another place',
  ENOTDIR: 'a part of this path is a file. Choose another place',
  EEXIST: 'a part of this path is a file. Choose another place',
  ENAMETOOLONG: 'the path is too long. Choose another place',
  EMFILE: 'too many files are open. Raise the limit (ulimit -n)',
  ENOENT: 'a file disappeared during the export. Does another export write to the same place?',
  EFBIG:
    'a file would exceed the size limit of this user or disk. Choose a smaller --shard-size, or another place',
  EIO: 'the disk reports an error. Choose another place',
};

/** The advice for an error of the file system at `place`; any other error is returned unchanged. */
export function fileFault(error: unknown, place: string): unknown {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const cause = error instanceof UsageError ? undefined : CAUSES[code];
  return cause === undefined ? error : new UsageError(`${place}: ${cause} (${code}).`, { cause: error });
}

/** Whether an error is Node's own with that code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
