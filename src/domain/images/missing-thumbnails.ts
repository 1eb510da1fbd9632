import type { RowId } from '../rows/ids.js';
import type { NoThumbnail, RowOutcome } from '../rows/outcome.js';

/** Stored images that lack a requested thumbnail, by reason, and some of their rows. */
export interface MissingThumbnails {
  readonly images: Readonly<Partial<Record<NoThumbnail, number>>>;
  readonly examples: readonly RowId[];
}

const EXAMPLES = 20;
const SHOWN = 3;

/** Counts a batch's images without thumbnails. */
export class MissingThumbnailCounts {
  readonly #images: Partial<Record<NoThumbnail, number>> = {};
  readonly #examples: RowId[] = [];

  note({ end, rowId }: Pick<RowOutcome, 'end' | 'rowId'>): void {
    const reason = end.kind === 'stored' ? end.image.noThumbnail : undefined;
    if (!reason) return;
    this.#images[reason] = (this.#images[reason] ?? 0) + 1;
    if (this.#examples.length < EXAMPLES) this.#examples.push(rowId);
  }

  /** Undefined if no requested thumbnail is missing. */
  get total(): MissingThumbnails | undefined {
    return this.#examples.length === 0 ? undefined : { images: this.#images, examples: this.#examples };
  }
}

/** The one-line note about images without thumbnails; undefined if there are none. */
export function missingThumbnailsText(missing: MissingThumbnails | undefined): string | undefined {
  if (!missing) return undefined;
  const { images, examples } = missing;
  const reasons = [
    images['too-large'] && `${images['too-large']} too large to decode within --image-memory`,
    images.undecodable && `${images.undecodable} could not be decoded`,
  ].filter((reason) => typeof reason === 'string');
  const total = Object.values(images).reduce((sum, count) => sum + count, 0);
  const rows = `${examples.slice(0, SHOWN).join(', ')}${total > SHOWN ? ', …' : ''}`;
  return `Stored without a thumbnail: ${reasons.join(', ')} (${rows}).`;
}
