/** Samples a pixel, and the allowed bit depths, by color type. Source: PNG (3rd edition), table 11.1. */
const COLOR_TYPES: Readonly<
  Record<number, { readonly samples: number; readonly depths: readonly number[] }>
> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

/** First column and row, and steps, of the seven passes of an interlaced picture. Source: PNG (3rd edition), 8.2. */
const ADAM7 = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
] as const;

const WHOLE = [{ x: 0, y: 0, dx: 1, dy: 1 }] as const;

/** Rows of equal length, each starting with its filter byte. */
export interface PngRows {
  readonly rows: number;
  readonly rowBytes: number;
}

/** The content of a PNG's header. */
export interface PngHeader {
  /** Sizes of the inflated picture by pass; empty for a picture without pixels. */
  readonly passes: readonly PngRows[];
  readonly needsPalette: boolean;
  readonly width: number;
  readonly height: number;
  /** Of a pixel after the palette lookup, without transparency from a chunk. */
  readonly channels: number;
  /** Of a decoded channel: 1 or 2. */
  readonly channelBytes: number;
}

/** Reads the 13 bytes of an IHDR chunk; undefined if no decoder accepts them. */
export function pngHeader(ihdr: Uint8Array): PngHeader | undefined {
  const view = new DataView(ihdr.buffer, ihdr.byteOffset, ihdr.byteLength);
  const [width, height, depth] = [view.getUint32(0), view.getUint32(4), view.getUint8(8)];
  const color = COLOR_TYPES[view.getUint8(9)];
  const [compression, filter, interlace] = [view.getUint8(10), view.getUint8(11), view.getUint8(12)];
  if (!color?.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) return undefined;
  const passes = (interlace === 1 ? ADAM7 : WHOLE).flatMap(({ x, y, dx, dy }) => {
    const columns = Math.ceil((width - x) / dx);
    const rows = Math.ceil((height - y) / dy);
    if (columns <= 0 || rows <= 0) return [];
    return [{ rows, rowBytes: 1 + Math.ceil((columns * color.samples * depth) / 8) }];
  });
  const needsPalette = view.getUint8(9) === 3;
  const channels = needsPalette ? 3 : color.samples;
  return { passes, needsPalette, width, height, channels, channelBytes: depth === 16 ? 2 : 1 };
}
