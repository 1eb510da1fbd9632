import type { Logger } from 'pino';
import type { ImageFacts, NoThumbnail } from '../../../domain/rows/outcome.js';
import { barePicture } from '../../../domain/images/bytes/bare-picture.js';
import { hashThumbnail, makeThumbnail } from './thumbnail.js';
import { at, thumbnailKey, type RunRef } from '../../../storage/layout.js';
import type { ObjectStore } from '../../../storage/object-store.js';
import type { LookSettings } from '../../../workflows/protocol/activities.js';
import { MemoryLimit } from '../../../storage/byte-budget.js';

/** An image that was downloaded. */
export interface ImageToStore {
  readonly image: ImageFacts;
  readonly body: Uint8Array;
  /** Breaks off storing it. */
  readonly signal: AbortSignal;
}

/** Each occupies a thread of the pool that also resolves names and reads files. */
const AT_ONCE = 2;

/** Makes thumbnails, at most two at a time and within a memory limit. */
export class Thumbnails {
  readonly #store: ObjectStore;
  readonly #log: Logger;
  readonly #decodeBytes: number;
  readonly #decoding: MemoryLimit;

  /** `decodeBytes`: memory for decoding; a picture that needs more gets no thumbnail. */
  constructor(store: ObjectStore, options: { readonly decodeBytes: number; readonly log: Logger }) {
    this.#store = store;
    this.#log = options.log;
    this.#decodeBytes = options.decodeBytes;
    this.#decoding = new MemoryLimit(options.decodeBytes);
  }

  /**
   * Stores a thumbnail beside the image's future place, if one is requested, and adds the result to the image's
   * facts. None for a picture that cannot be decoded or is too large. Throws `StorageError`.
   */
  async add(run: RunRef, { image, body, signal }: ImageToStore, wanted: LookSettings): Promise<ImageFacts> {
    const { thumbnails = true, nearDuplicates = false } = wanted;
    if (!thumbnails && !nearDuplicates) return image;
    const made = await this.#make(image, body, nearDuplicates);
    if (typeof made === 'string') {
      this.#logSkipped(run, image, made);
      return { ...image, noThumbnail: made };
    }
    const { thumbnail, perceptualHash } = made;
    if (thumbnails) {
      const place = at(run, thumbnailKey(run, image.sha256));
      await this.#store.put(place, thumbnail, { contentType: 'image/webp', signal });
    }
    return {
      ...image,
      ...(thumbnails && { thumbnail: true }),
      ...(perceptualHash !== undefined && { perceptualHash }),
    };
  }

  async #make(
    image: ImageFacts,
    body: Uint8Array,
    nearDuplicates: boolean,
  ): Promise<NoThumbnail | { readonly thumbnail: Buffer; readonly perceptualHash: string | undefined }> {
    const bare = barePicture(body, image.type);
    if (!bare) return 'undecodable';
    if (bare.decodeBytes > this.#decodeBytes) return 'too-large';
    const release = await this.#decoding.reserve(Math.max(bare.decodeBytes, this.#decodeBytes / AT_ONCE));
    try {
      const thumbnail = await makeThumbnail(bare);
      if (!thumbnail) return 'undecodable';
      return { thumbnail, perceptualHash: nearDuplicates ? await hashThumbnail(thumbnail) : undefined };
    } finally {
      release();
    }
  }

  #logSkipped(run: RunRef, image: ImageFacts, reason: NoThumbnail): void {
    const { type, width, height, sizeBytes, sha256 } = image;
    const picture = { batchId: run.batchId, type, width, height, sizeBytes, sha256 };
    if (reason === 'too-large') {
      this.#log.warn(
        picture,
        'An image is stored without a thumbnail: decoding it would take more memory than --image-memory allows.',
      );
    } else this.#log.warn(picture, 'An image is stored without a thumbnail: it cannot be decoded.');
  }
}
