import { MODELS, RESOLUTIONS, type Model, type Resolution } from '../rows/generation-settings.js';

/** What determines the price of an image. */
export interface ImageKind {
  readonly model: Model;
  readonly resolution: Resolution;
}

/** A number of images of one kind. */
export interface ImagesOfKind extends ImageKind {
  readonly images: number;
}

/** Counts images by model and resolution. */
export class ImageCounts {
  readonly #counts = new Map<string, number>();

  add({ model, resolution }: ImageKind): void {
    const kind = `${model} ${resolution}`;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  /** The kinds that occur, always in the same order. */
  get list(): readonly ImagesOfKind[] {
    return MODELS.flatMap((model) =>
      RESOLUTIONS.flatMap((resolution) => {
        const images = this.#counts.get(`${model} ${resolution}`);
        return images === undefined ? [] : [{ model, resolution, images }];
      }),
    );
  }
}

/** Total number of images of all kinds. */
export function imagesOf(kinds: readonly ImagesOfKind[]): number {
  return kinds.reduce((sum, { images }) => sum + images, 0);
}

/** Images by model and resolution: `22 pro 1K, 1 nb 1K`. */
export function kindsText(kinds: readonly ImagesOfKind[]): string {
  return kinds.map(({ model, resolution, images }) => `${images} ${model} ${resolution}`).join(', ');
}
