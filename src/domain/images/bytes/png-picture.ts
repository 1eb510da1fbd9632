import { Readable } from 'node:stream';
import { createInflate } from 'node:zlib';
import type { PngRows } from './png-header.js';
import type { PngStructure } from './png-structure.js';

/** How much of the picture is in memory at a time. */
const CHUNK_BYTES = 256 * 1024;
const LAST_FILTER = 4;

/**
 * Why a PNG's picture is incomplete: its data do not inflate, end early, fail their checksum or are not the rows that
 * the header declares; undefined if complete. Inflates on a thread of the pool and keeps nothing.
 */
export async function pngPictureDefect({ header, data }: PngStructure): Promise<string | undefined> {
  const rows = new RowWalk(header.passes);
  const inflated = Readable.from(data).pipe(createInflate({ chunkSize: CHUNK_BYTES }));
  try {
    for await (const chunk of inflated) {
      const defect = rows.take(chunk);
      if (defect !== undefined) return defect;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `its image data are damaged (${reason})`;
  }
  return rows.missing === 0 ? undefined : `its image data lack ${rows.missing} rows`;
}

/** Follows the rows of a picture through its bytes. */
class RowWalk {
  readonly #passes: readonly PngRows[];
  #pass = 0;
  /** Rows of the pass that have started. */
  #begun = 0;
  /** Bytes of the row that are still missing. */
  #left = 0;

  constructor(passes: readonly PngRows[]) {
    this.#passes = passes;
  }

  /** Takes the next bytes; returns what is wrong with them, or undefined. */
  take(chunk: Uint8Array): string | undefined {
    for (let offset = 0; offset < chunk.length;) {
      if (this.#left === 0) {
        if (!this.#beginRow()) return 'it has more image data than its header says';
        if ((chunk[offset] ?? 0) > LAST_FILTER)
          return 'its image data are damaged (a row has no valid filter)';
      }
      const length = Math.min(this.#left, chunk.length - offset);
      this.#left -= length;
      offset += length;
    }
    return undefined;
  }

  /** Rows still missing, including a started one. */
  get missing(): number {
    const rest = this.#passes.slice(this.#pass).reduce((sum, { rows }) => sum + rows, 0);
    return rest - this.#begun + (this.#left > 0 ? 1 : 0);
  }

  #beginRow(): boolean {
    for (; this.#pass < this.#passes.length; this.#pass += 1, this.#begun = 0) {
      const pass = this.#passes[this.#pass];
      if (!pass || this.#begun === pass.rows) continue;
      this.#begun += 1;
      this.#left = pass.rowBytes;
      return true;
    }
    return false;
  }
}
