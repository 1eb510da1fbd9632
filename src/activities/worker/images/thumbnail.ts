import { FastResizeFilter, Orientation, ResizeFilterType, ResizeFit, Transformer } from '@napi-rs/image';
import { HASH_SIDE, perceptualHash } from '../../../domain/images/perceptual-hash.js';
import { barePicture, type BarePicture } from '../../../domain/images/bytes/bare-picture.js';

const LONGEST_SIDE = 384;
/** The library's names of EXIF orientations, starting with 1. */
const ORIENTATIONS = [
  Orientation.Horizontal,
  Orientation.MirrorHorizontal,
  Orientation.Rotate180,
  Orientation.MirrorVertical,
  Orientation.MirrorHorizontalAndRotate270Cw,
  Orientation.Rotate90Cw,
  Orientation.MirrorHorizontalAndRotate90Cw,
  Orientation.Rotate270Cw,
];
const QUALITY = 72;

/**
 * A small upright WebP of a picture, longest side at most 384 pixels. Undefined if it cannot be decoded. Runs on a
 * separate thread; the memory that it needs is in the picture's `decodeBytes`.
 */
export async function makeThumbnail(bare: BarePicture): Promise<Buffer | undefined> {
  try {
    const picture = new Transformer(bare.join());
    if (bare.orientation !== 1) picture.rotate(ORIENTATIONS[bare.orientation - 1]);
    if (Math.max(bare.width, bare.height) > LONGEST_SIDE) {
      // The library's faster filters need twice the memory.
      picture.resize({
        width: LONGEST_SIDE,
        height: LONGEST_SIDE,
        fit: ResizeFit.Inside,
        filter: ResizeFilterType.Triangle,
      });
    }
    return await picture.webp(QUALITY);
  } catch {
    return undefined;
  }
}

/** The perceptual hash of an image from its thumbnail; undefined if that cannot be decoded. */
export async function hashThumbnail(thumbnail: Uint8Array): Promise<string | undefined> {
  const bare = barePicture(thumbnail, 'webp');
  if (!bare || Math.max(bare.width, bare.height) > LONGEST_SIDE) return undefined;
  try {
    const pixels = await new Transformer(bare.join())
      .grayscale()
      .fastResize({
        width: HASH_SIDE,
        height: HASH_SIDE,
        fit: ResizeFit.Fill,
        filter: FastResizeFilter.Hamming,
      })
      .rawPixels();
    const stride = pixels.length / HASH_SIDE ** 2;
    return perceptualHash(Uint8Array.from({ length: HASH_SIDE ** 2 }, (_, at) => pixels[at * stride] ?? 0));
  } catch {
    return undefined;
  }
}
