import { deflateSync } from 'node:zlib';
import { pngChunk, samplePng } from './sample-images.js';

/** A picture of any of PNG's kinds. */
export interface PngKind {
  readonly width: number;
  readonly height: number;
  readonly color: number;
  readonly depth: number;
  readonly interlaced: boolean;
  /** Its pixels compress badly. */
  readonly noise?: boolean;
}

const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const HEADER_CHUNK_END = 33;

/** A valid PNG, unless `change`, `data` and `palette` break it, with the compressed picture in `parts` chunks. */
export function pngOf(
  options: PngKind & {
    readonly parts?: number;
    /** Changes what is compressed. */
    readonly change?: (raw: Buffer) => Buffer;
    /** Replaces the compressed picture. */
    readonly data?: Buffer;
    readonly palette?: boolean;
  },
): Buffer {
  const { width, height, color, depth, interlaced, parts = 1, change = (raw) => raw } = options;
  const header = samplePng(width, height).subarray(16, 29);
  const ihdr = Buffer.concat([header.subarray(0, 8), Buffer.from([depth, color, 0, 0, interlaced ? 1 : 0])]);
  const data = options.data ?? deflateSync(change(rawOf(options)));
  const size = Math.max(1, Math.ceil(data.length / parts));
  const palette = options.palette ?? color === 3;
  return Buffer.concat([
    samplePng(1, 1).subarray(0, HEADER_CHUNK_END - 25),
    pngChunk('IHDR', ihdr),
    ...(palette ? [pngChunk('PLTE', Buffer.alloc(3 * 2 ** Math.min(depth, 8), 9))] : []),
    ...Array.from({ length: parts }, (_, part) =>
      pngChunk('IDAT', data.subarray(part * size, (part + 1) * size)),
    ),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The compressed picture. */
export function deflated(kind: PngKind): Buffer {
  return deflateSync(rawOf(kind));
}

/** By the letter of the specification, pixel by pixel: the pass that each belongs to, and its bits in that pass's row. */
function rawOf({ width, height, color, depth, interlaced, noise = false }: PngKind): Buffer {
  const bits = (SAMPLES[color] ?? 1) * depth;
  if (!interlaced) {
    const row = 1 + Math.ceil((width * bits) / 8);
    const raw = Buffer.alloc(height * row);
    if (noise) for (let at = 0; at < raw.length; at += 1) raw[at] = at % row === 0 ? 0 : (at * at * 31) % 253;
    return raw;
  }
  const rows = new Map<string, number>();
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const key = `${PASS_OF[y % 8]?.[x % 8] ?? ''}:${y}`;
      rows.set(key, (rows.get(key) ?? 0) + 1);
    }
  }
  const lengths = Array.from(rows.values(), (pixels) => 1 + Math.ceil((pixels * bits) / 8));
  return Buffer.alloc(lengths.reduce((sum, length) => sum + length, 0));
}

/** Source: PNG (3rd edition), 8.2. */
const PASS_OF = [
  '16462646',
  '77777777',
  '56565656',
  '77777777',
  '36463646',
  '77777777',
  '56565656',
  '77777777',
];
