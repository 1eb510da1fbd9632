/** Width and height in pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** The sizes at 1K: about a megapixel, sides in multiples of 16. `from_prompt` gives squares here. */
const SIZE_AT_1K: Readonly<Record<string, readonly [width: number, height: number]>> = {
  '1:1': [1024, 1024],
  '2:3': [832, 1248],
  '3:2': [1248, 832],
  '3:4': [864, 1152],
  '4:3': [1152, 864],
  '4:5': [896, 1120],
  '5:4': [1120, 896],
  '9:16': [768, 1344],
  '16:9': [1344, 768],
  '21:9': [1536, 672],
  '1:4': [512, 2048],
  '1:8': [352, 2816],
  '4:1': [2048, 512],
  '8:1': [2816, 352],
  from_prompt: [1024, 1024],
};

const SCALE: Readonly<Record<string, number>> = { '1K': 1, '2K': 2, '4K': 4 };

/** The factor of a resolution relative to 1K. */
export function scaleOf(resolution: string): number {
  return SCALE[resolution] ?? 1;
}

function side(length: number): number {
  return Math.max(16, Math.round(length / 16) * 16);
}

/** A megapixel with an aspect ratio. */
function sizeOfRatio(ratio: number): PixelSize {
  const root = Math.sqrt(1024 * 1024 * Math.min(8, Math.max(1 / 8, ratio)));
  return { width: side(root), height: side((1024 * 1024) / root) };
}

/**
 * The size of an image at 1K. `auto` takes the ratio of `input`, between 1:8 and 8:1, or a square without it. Other
 * resolutions are `scaleOf` times as large on both sides.
 */
export function sizeAt1K(aspectRatio: string, input?: PixelSize): PixelSize {
  if (aspectRatio === 'auto' && input !== undefined && input.width > 0 && input.height > 0) {
    return sizeOfRatio(input.width / input.height);
  }
  const [width, height] = SIZE_AT_1K[aspectRatio] ?? [1024, 1024];
  return { width, height };
}
