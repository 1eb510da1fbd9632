import type { ImageFacts } from '../domain/outcome.js';
import { hashThumbnail, makeThumbnail } from '../images/thumbnail.js';
import { at, thumbnailKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { cancellationSignal } from './activity-context.js';
import { ByteBudget } from './byte-budget.js';

/** What to make of an image besides storing it. */
export interface LookSettings {
  /** Absent: yes. */
  readonly thumbnails?: boolean;
  /** Absent: no. */
  readonly nearDuplicates?: boolean;
}

/** Larger pictures get none: their pixels would take more memory than a worker has to spare. */
const MOST_PIXELS = 50_000_000;
const BYTES_A_PIXEL = 4;
const DECODED_BYTES = MOST_PIXELS * BYTES_A_PIXEL;
/** Each takes a thread of the pool that also resolves names and reads files. */
const AT_ONCE = 2;

/** Makes thumbnails, at most two at a time and with at most 200 MB of pixels. */
export class Thumbnails {
  readonly #store: ObjectStore;
  readonly #decoding = new ByteBudget(DECODED_BYTES);

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * Puts an image's thumbnail beside where the image is to lie, as far as one is wanted, and adds to its facts what has
   * come of it. A picture that cannot be decoded, or is too large, has none. Throws `StorageError`.
   */
  async add(run: RunRef, image: ImageFacts, body: Uint8Array, wanted: LookSettings): Promise<ImageFacts> {
    const { thumbnails = true, nearDuplicates = false } = wanted;
    if ((!thumbnails && !nearDuplicates) || image.width * image.height > MOST_PIXELS) return image;
    const { thumbnail, perceptualHash } = await this.#look(image, body, nearDuplicates);
    if (thumbnail && thumbnails) {
      const signal = cancellationSignal();
      const place = at(run, thumbnailKey(run, image.sha256));
      await this.#store.put(place, thumbnail, { contentType: 'image/webp', signal });
    }
    return {
      ...image,
      ...(thumbnail && thumbnails && { thumbnail: true }),
      ...(perceptualHash !== undefined && { perceptualHash }),
    };
  }

  async #look(
    image: ImageFacts,
    body: Uint8Array,
    nearDuplicates: boolean,
  ): Promise<{ readonly thumbnail?: Buffer | undefined; readonly perceptualHash?: string | undefined }> {
    const bytes = image.width * image.height * BYTES_A_PIXEL;
    const release = await this.#decoding.reserve(Math.max(bytes, DECODED_BYTES / AT_ONCE));
    try {
      const thumbnail = await makeThumbnail(body, image);
      return {
        thumbnail,
        perceptualHash: nearDuplicates && thumbnail ? await hashThumbnail(thumbnail) : undefined,
      };
    } finally {
      release();
    }
  }
}
