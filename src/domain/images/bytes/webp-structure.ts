const RIFF_HEADER_LENGTH = 12;
const CHUNK_HEADER_LENGTH = 8;
/** Length of the position and duration at the start of an animation's picture. */
const FRAME_HEADER_LENGTH = 16;
const IMAGE_DATA = new Set(['VP8 ', 'VP8L', 'ANMF']);
const VP8_HEADER_LENGTH = 10;
const VP8L_HEADER_LENGTH = 5;

/** Why a file with a WebP signature is not a complete WebP; undefined if it is. Source: RFC 9649, sections 2 and 3; RFC 6386, 9.1. */
export function webpDefect(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < RIFF_HEADER_LENGTH) return 'it ends inside its header';
  const declared = view.getUint32(4, true) + 8;
  if (declared > bytes.length) return `it has ${bytes.length} of ${declared} bytes`;
  if (declared < bytes.length && !isPadding(bytes, declared)) return 'there are bytes after its end';
  return chunksDefect(bytes.subarray(RIFF_HEADER_LENGTH, declared));
}

function chunksDefect(chunks: Uint8Array): string | undefined {
  let hasImageData = false;
  for (const { type, content, isCut } of riffChunks(chunks)) {
    if (isCut) return `it ends inside its ${type.trim()} chunk`;
    const defect = CHECKS[type]?.(content);
    if (defect !== undefined) return `${defect} (${type.trim()} chunk)`;
    if (IMAGE_DATA.has(type)) hasImageData = true;
  }
  return hasImageData ? undefined : 'it has no image data';
}

/** A chunk of a WebP. */
export interface WebpChunk {
  readonly type: string;
  readonly content: Uint8Array;
  readonly isCut: boolean;
}

/** The chunks of a WebP with a complete RIFF header. */
export function webpChunks(bytes: Uint8Array): Generator<WebpChunk> {
  return riffChunks(bytes.subarray(RIFF_HEADER_LENGTH));
}

/** The chunks inside the chunk of an animation's picture. */
export function webpFrameChunks(content: Uint8Array): Generator<WebpChunk> {
  return riffChunks(content.subarray(FRAME_HEADER_LENGTH));
}

function* riffChunks(chunks: Uint8Array): Generator<WebpChunk> {
  const view = new DataView(chunks.buffer, chunks.byteOffset, chunks.byteLength);
  for (let offset = 0; offset + CHUNK_HEADER_LENGTH <= chunks.length;) {
    const type = String.fromCharCode(...chunks.subarray(offset, offset + 4));
    const start = offset + CHUNK_HEADER_LENGTH;
    const end = start + view.getUint32(offset + 4, true);
    yield { type, content: chunks.subarray(start, end), isCut: end > chunks.length };
    offset = end + ((end - start) % 2);
  }
}

const CHECKS: Readonly<Record<string, (content: Uint8Array) => string | undefined>> = {
  'VP8 ': lossyDefect,
  VP8L: (content) => {
    if (content.length <= VP8L_HEADER_LENGTH) return 'it has no image data';
    // The last three bits of its size are the version, which is 0.
    const isValid = content[0] === 0x2f && (content[4] ?? 0) >> 5 === 0;
    return isValid ? undefined : 'its image data have no valid header';
  },
  ALPH: (content) => (content.length <= 1 ? 'it has no transparency data' : undefined),
  ANMF: (content) =>
    content.length <= FRAME_HEADER_LENGTH
      ? 'it has no image data'
      : chunksDefect(content.subarray(FRAME_HEADER_LENGTH)),
};

/** The length of the first part of the data is in the header; the pixels follow it. */
function lossyDefect(content: Uint8Array): string | undefined {
  const [a = 0, b = 0, c = 0, ...code] = content.subarray(0, 6);
  if (content.length <= VP8_HEADER_LENGTH) return 'it has no image data';
  const isKeyFrame = (a & 1) === 0;
  if (!isKeyFrame || code.join() !== '157,1,42') return 'its image data have no valid header';
  const firstPart = (a | (b << 8) | (c << 16)) >> 5;
  return content.length > VP8_HEADER_LENGTH + firstPart ? undefined : 'its image data are too short';
}

/** Some writers do not count the last chunk's padding byte in the declared size. */
function isPadding(bytes: Uint8Array, declared: number): boolean {
  return declared % 2 === 1 && bytes.length === declared + 1 && bytes[declared] === 0;
}
