import { FastResizeFilter, ResizeFit, Transformer } from '@napi-rs/image';
import { HASH_SIDE, perceptualHash } from '../domain/perceptual-hash.js';

const LONGEST_SIDE = 384;
const QUALITY = 72;

/**
 * A small WebP of a PNG, JPEG or WebP, upright, its longest side at most 384 pixels; of an animation the first picture.
 * Undefined for what cannot be decoded. Works on a thread of its own, in some four bytes a pixel of `size`.
 */
export async function makeThumbnail(
  bytes: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Buffer | undefined> {
  try {
    const picture = new Transformer(bytes).rotate();
    if (Math.max(width, height) > LONGEST_SIDE) {
      picture.fastResize({
        width: LONGEST_SIDE,
        height: LONGEST_SIDE,
        fit: ResizeFit.Inside,
        filter: FastResizeFilter.Hamming,
      });
    }
    return await picture.webp(QUALITY);
  } catch {
    return undefined;
  }
}

/** The perceptual hash of an image by its thumbnail; undefined for one that cannot be decoded. */
export async function hashThumbnail(thumbnail: Uint8Array): Promise<string | undefined> {
  try {
    const pixels = await new Transformer(thumbnail)
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
