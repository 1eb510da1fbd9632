import { constants, deflateRawSync } from 'node:zlib';
import { Transformer } from '@napi-rs/image';
import { pngOf } from './png-kinds.js';
import { pngChunk, riff, riffChunk, samplePng } from './sample-images.js';

const HEADER_CHUNK_END = 33;
const MEBIBYTE = 1 << 20;

/** Small files with a valid structure that take any amount of memory if decoded without care. */
export async function hostileImages(): Promise<Readonly<Record<string, Buffer>>> {
  const bomb = deflatedZeros(500 * MEBIBYTE);
  const profile = Buffer.concat([Buffer.from('icc\0\0', 'latin1'), bomb]);
  const text = Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), bomb]);
  const longText = Buffer.concat([Buffer.from('Comment\0\x01\0\0\0', 'latin1'), bomb]);
  return {
    'large.webp': plainWebp(16_383, 16_383),
    'deep.png': plainPng({ side: 4_500, color: 6, depth: 16 }, 8 * 4_500),
    'large.png': plainPng({ side: 12_000, color: 0, depth: 1 }, 12_000 / 8),
    'large.jpg': await largeJpeg(6_000),
    'profile.png': withChunk(samplePng(640, 640), 'iCCP', profile),
    'text.png': withChunk(samplePng(640, 640), 'zTXt', text),
    'long-text.png': withChunk(samplePng(640, 640), 'iTXt', longText),
  };
}

/** A black PNG, made quickly. */
function plainPng(
  { side, ...kind }: { readonly side: number; readonly color: number; readonly depth: number },
  rowBytes: number,
): Buffer {
  const data = deflatedZeros(side * (1 + rowBytes));
  return pngOf({ width: side, height: side, interlaced: false, ...kind, data });
}

function flushedZeros(length: number): Buffer {
  return deflateRawSync(Buffer.alloc(length), { finishFlush: constants.Z_FULL_FLUSH });
}

/** A zlib stream of that many zeros: one piece of it, repeated. */
function deflatedZeros(count: number): Buffer {
  const piece = flushedZeros(MEBIBYTE);
  const pieces = Array.from({ length: Math.floor(count / MEBIBYTE) }, () => piece);
  // The sums of Adler-32 over zeros: 1, and how many there are.
  const checksum = Buffer.alloc(4);
  checksum.writeUInt16BE(count % 65_521, 0);
  checksum.writeUInt16BE(1, 2);
  const last = [flushedZeros(count % MEBIBYTE), Buffer.from([3, 0]), checksum];
  return Buffer.concat([Buffer.from([0x78, 0x9c]), ...pieces, ...last]);
}

/** A PNG with another chunk behind its header. */
export function withChunk(png: Buffer, type: string, data: Uint8Array): Buffer {
  return Buffer.concat([
    png.subarray(0, HEADER_CHUNK_END),
    pngChunk(type, data),
    png.subarray(HEADER_CHUNK_END),
  ]);
}

/** A lossless WebP of one color in 34 bytes: each of its codes has one symbol, which takes no bits. */
export function plainWebp(width: number, height: number): Buffer {
  const data = Buffer.alloc(14);
  data[0] = 0x2f;
  data.writeUInt32LE((width - 1) | ((height - 1) << 14), 1);
  // No transform, no cache, no groups of codes; then five codes: simple, one symbol, of one bit, 0.
  data.set([0b10001000, 0b10001000, 0b00001000], 5);
  return riff(riffChunk('VP8L', data));
}

/** A small JPEG whose frame header claims that size, with the minimum of data for it. */
async function largeJpeg(side: number): Promise<Buffer> {
  const small = await Transformer.fromRgbaPixels(Buffer.alloc(16 * 16 * 4, 128), 16, 16).jpeg(50);
  const frame = small.findIndex((byte, at) => byte === 0xff && (small[at + 1] ?? 0) === 0xc0);
  const large = Buffer.from(small);
  large.writeUInt16BE(side, frame + 5);
  large.writeUInt16BE(side, frame + 7);
  return Buffer.concat([large.subarray(0, -2), Buffer.alloc(side * side * 0.06), large.subarray(-2)]);
}
