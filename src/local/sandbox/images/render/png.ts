import { crc32, deflateSync, constants } from 'node:zlib';
import type { Canvas } from './canvas.js';
import type { Rgb } from './palette.js';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const FILTER_NONE = 0;
const FILTER_UP = 2;

function chunk(type: string, data: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(data.length + 12);
  framed.writeUInt32BE(data.length, 0);
  framed.write(type, 4, 'latin1');
  framed.set(data, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + data.length)), 8 + data.length);
  return framed;
}

/** The compressed pixels of a canvas for `encodePng`, each canvas pixel `scale` (1 or even) times wide and high. */
export function compressPixels(canvas: Canvas, scale: number): Buffer {
  return deflateSync(scanlines(canvas, scale), { level: 1, strategy: constants.Z_RLE });
}

/** Rows of four-bit pixels, each canvas pixel `scale` times wide and high; a repeated row costs only zeros. */
function scanlines(canvas: Canvas, scale: number): Buffer {
  const { width, height, pixels } = canvas;
  const rowBytes = (width * scale) / 2;
  const stride = rowBytes + 1;
  const raw = Buffer.alloc(stride * height * scale);
  for (let y = 0; y < height; y++) {
    const from = y * width;
    const top = y * scale * stride;
    const repeated =
      y > 0 && Buffer.compare(pixels.subarray(from, from + width), pixels.subarray(from - width, from)) === 0;
    for (let copy = 0; copy < scale; copy++) raw[top + copy * stride] = FILTER_UP;
    if (repeated) continue;
    raw[top] = FILTER_NONE;
    let at = top + 1;
    if (scale === 1) {
      for (let x = from; x < from + width; x += 2) raw[at++] = ((pixels[x] ?? 0) << 4) | (pixels[x + 1] ?? 0);
    } else {
      for (let x = from; x < from + width; x++) {
        const pair = (pixels[x] ?? 0) * 17;
        for (let copy = 0; copy < scale; copy += 2) raw[at++] = pair;
      }
    }
  }
  return raw;
}

/** Non-repeating bytes, the same at every call: incompressible padding. */
function noise(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = 0x9e3779b9;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

let knownNoise: Buffer = Buffer.alloc(0);

/** A private ancillary chunk of noise that every reader skips. */
function padding(length: number): Buffer {
  if (knownNoise.length < length) knownNoise = noise(length);
  return chunk('raNd', knownNoise.subarray(0, length));
}

/**
 * A complete PNG of `pixels` from `compressPixels`, in 16 palette colours. Width and height are those of the picture; the
 * width must be even. `comments` become iTXt chunks; `minBytes` pads the file to exactly that length if it is shorter by
 * 12 bytes or more.
 */
export function encodePng(input: {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
  readonly palette: readonly Rgb[];
  readonly comments: Readonly<Record<string, string>>;
  readonly minBytes: number;
}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(input.width, 0);
  header.writeUInt32BE(input.height, 4);
  // Four bits a pixel, colours by palette.
  header.set([4, 3, 0, 0, 0], 8);
  const body = [
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(input.palette.flat())),
    ...Object.entries(input.comments).map(([keyword, text]) =>
      chunk('iTXt', Buffer.from(`${keyword}\0\0\0\0\0${text}`, 'utf8')),
    ),
    chunk('IDAT', input.pixels),
  ];
  const end = chunk('IEND', Buffer.alloc(0));
  const length = body.reduce((sum, part) => sum + part.length, end.length);
  if (input.minBytes >= length + 12) body.push(padding(input.minBytes - length - 12));
  return Buffer.concat([...body, end]);
}
