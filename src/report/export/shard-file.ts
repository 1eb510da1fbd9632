import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/** What a finished shard is. */
export interface WrittenFile {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** A local file that is written from its beginning to its end, and hashed on the way. Errors are Node's own. */
export class ShardFile {
  readonly #file: number;
  readonly #hash = createHash('sha256');
  #sizeBytes = 0;
  #isOpen = true;

  constructor(filePath: string) {
    this.#file = openSync(filePath, 'w');
  }

  write(bytes: Uint8Array): void {
    // The system may take a part of it only.
    for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Ends the writing; what was written is on the disk by then. */
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
