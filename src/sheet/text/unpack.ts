import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { SheetError } from '../sheet-error.js';

/** Size of a sheet of a million rows with prompts of 8 KiB. */
const MAX_UNPACKED_BYTES = 8 * 1024 ** 3;
const CHUNK_BYTES = 64 * 1024;
/**
 * Maximum ratio of unpacked to packed size. Measured with gzip -9: a million rows of one text of 8 KiB 280, of
 * different texts 10 to 240; blank lines and other patterns of a few characters 500 to 1030.
 */
const MAX_RATIO = 400;
/**
 * A stretch of up to this size may have any ratio: the blank rows that spreadsheets save below a table, a million of
 * 15 columns. It is held in memory completely before any of it is yielded, since its millions of short records would
 * take minutes to read.
 */
const ANY_RATIO_BYTES = 16 * 1024 ** 2;

/**
 * A sheet's bytes, unpacked if they start like gzip, whatever the name. Streams; several consecutive gzip members are
 * one text.
 *
 * Throws SheetError `broken-gzip` if it is truncated or damaged, and `too-large` above `maxBytes` (default 8 GiB) and
 * if any stretch of it unpacks to over 16 MiB and 400 times its size, as only blank lines and the like do; errors of
 * `bytes` pass through.
 */
export async function* unpacked(
  bytes: AsyncIterable<Uint8Array>,
  sheet: string,
  maxBytes = MAX_UNPACKED_BYTES,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = bytes[Symbol.asyncIterator]();
  try {
    const start: Uint8Array[] = [];
    while (sizeOf(start) < 2) {
      const next = await source.next();
      if (next.done === true) break;
      start.push(next.value);
    }
    const all = followedBy(start, source);
    if (isGzip(Buffer.concat(start))) yield* gunzipped(all, sheet, maxBytes);
    else yield* all;
  } finally {
    await source.return?.();
  }
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

async function* followedBy(
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* start;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* gunzipped(
  bytes: AsyncIterable<Uint8Array>,
  sheet: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const given = new Given(bytes);
  const packed = Readable.from(given, { objectMode: false });
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // A pipe does not forward errors.
  packed.once('error', (error) => gunzip.destroy(error));
  const stretch = new DenseStretch();
  let size = 0;
  try {
    for await (const chunk of packed.pipe(gunzip)) {
      const piece: Uint8Array = chunk;
      size += piece.length;
      if (size > maxBytes) throw tooLarge(sheet, maxBytes);
      stretch.add(piece, gunzip.bytesWritten);
      if (stretch.sizeBytes > ANY_RATIO_BYTES) throw emptyInside(sheet);
      if (!stretch.isDense) yield* inTurns(stretch.taken());
    }
    yield* inTurns(stretch.taken());
    // Zeros after the last member are padding; the library ends there, whatever follows.
    packed.unpipe(gunzip);
    for await (const _ of packed);
    if (given.lastByteAt >= gunzip.bytesWritten) throw damaged(sheet);
  } catch (error) {
    throw explained(error, sheet);
  } finally {
    packed.destroy();
    gunzip.destroy();
  }
}

/** Holds back data that unpack to more than `MAX_RATIO` times their size, until the following bytes compensate. */
class DenseStretch {
  #pieces: Uint8Array[] = [];
  #packedBytes = 0;
  /** Unpacked bytes beyond `MAX_RATIO` times the packed ones. */
  #excess = 0;
  sizeBytes = 0;

  /** `packedBytes`: packed size of the sheet up to the end of this piece. */
  add(piece: Uint8Array, packedBytes: number): void {
    this.#excess = Math.max(0, this.#excess + piece.length - MAX_RATIO * (packedBytes - this.#packedBytes));
    this.#packedBytes = packedBytes;
    this.#pieces.push(piece);
    this.sizeBytes += piece.length;
  }

  get isDense(): boolean {
    return this.#excess > 0;
  }

  taken(): readonly Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.sizeBytes = 0;
    return pieces;
  }
}

/** Yields existing pieces, letting the rest of the process run between them. */
async function* inTurns(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await setImmediate();
    yield piece;
  }
}

/** Forwards bytes and records the position of the last one that is not zero. */
class Given implements AsyncIterable<Uint8Array> {
  readonly #bytes: AsyncIterable<Uint8Array>;
  /** From 0; -1 before the first. */
  lastByteAt = -1;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#bytes = bytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const chunk of this.#bytes) {
      const last = chunk.findLastIndex((byte) => byte !== 0);
      if (last !== -1) this.lastByteAt = size + last;
      size += chunk.length;
      yield chunk;
    }
  }
}

function damaged(sheet: string): SheetError {
  return new SheetError(
    'broken-gzip',
    { sheet },
    'its gzip data is damaged. Check it with gunzip -t FILE, and copy or download it again',
  );
}

function tooLarge(sheet: string, maxBytes: number): SheetError {
  return new SheetError(
    'too-large',
    { sheet },
    `unpacked it is larger than ${Math.round(maxBytes / 1024 ** 2)} MiB, more than a sheet of a million rows needs. Check that it is the right file, or split it`,
  );
}

function emptyInside(sheet: string): SheetError {
  return new SheetError(
    'too-large',
    { sheet },
    `a part of it unpacks to more than ${MAX_RATIO} times its size, so it is mostly blank lines or one repeated text. Remove those; if they are intended, unpack the sheet with gunzip -k FILE and name the unpacked file`,
  );
}

function explained(error: unknown, sheet: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'Z_BUF_ERROR':
      return new SheetError(
        'broken-gzip',
        { sheet },
        'its gzip data ends too early: the file is cut short. Copy or download it again',
      );
    case 'Z_DATA_ERROR':
      return damaged(sheet);
    default:
      return error;
  }
}
