import type { ImageType } from '../../../src/domain/rows/outcome.js';
import { barePicture } from '../../../src/domain/images/bytes/bare-picture.js';
import { makeThumbnail } from '../../../src/activities/worker/images/thumbnail.js';

/** The thumbnail of an image, as a worker makes it; undefined if it makes none. */
export async function thumbnailOf(image: Uint8Array, type: ImageType): Promise<Buffer | undefined> {
  const bare = barePicture(image, type);
  return bare && makeThumbnail(bare);
}
