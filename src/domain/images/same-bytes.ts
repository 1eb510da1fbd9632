import { IdLines } from '../identity/id-lines.js';
import type { RowId } from '../rows/ids.js';
import type { RowOutcome } from '../rows/outcome.js';

/** Stored images that have the very bytes of another row's although their content is different, and some examples. */
export interface SameBytes {
  readonly images: number;
  readonly examples: readonly SameBytesExample[];
}

/** One image under several rows, all of different content. */
export interface SameBytesExample {
  readonly sha256: string;
  readonly rowIds: readonly RowId[];
}

const EXAMPLES = 20;
const ROWS_AN_EXAMPLE = 5;

/**
 * Finds images that came out the same for different content: a placeholder of the service, most likely. Rows of one
 * content may share their image.
 *
 * Outcomes are passed twice, so that a million rows take some 40 bytes each: first all through `note`, then, only
 * where `found` says so, through `collect`.
 */
export class SameBytesFinder {
  /** By image: the first 32 bits of the content that it was first seen for. */
  readonly #contents = new IdLines();
  readonly #shared = new IdLines();
  #found = false;

  /** Whether an image was noted for more than one content. */
  get found(): boolean {
    return this.#found;
  }

  note({ end, contentHash }: RowOutcome): void {
    if (end.kind !== 'stored') return;
    const { sha256 } = end.image;
    // Zero is no number to remember.
    const content = Number.parseInt(contentHash.slice(0, 8), 16) || 1;
    const first = this.#contents.claim(sha256, content);
    if (first === undefined || first === content) return;
    this.#shared.claim(sha256, 1);
    this.#found = true;
  }

  /** Whether an image with these bytes was noted. */
  hasNoted(sha256: string): boolean {
    return this.#contents.lineOf(sha256) !== undefined;
  }

  /** Whether an outcome's image is one of those; right once all were noted. */
  isShared({ end }: RowOutcome): boolean {
    return end.kind === 'stored' && this.#shared.lineOf(end.image.sha256) !== undefined;
  }

  /** Counts the images that share their bytes and gathers up to 20 of them, with up to 5 rows of different content each. */
  async collect(outcomes: AsyncIterable<RowOutcome> | Iterable<RowOutcome>): Promise<SameBytes> {
    const examples = new Map<string, Map<string, RowId>>();
    let images = 0;
    for await (const { end, contentHash, rowId } of outcomes) {
      if (end.kind !== 'stored' || this.#shared.lineOf(end.image.sha256) === undefined) continue;
      images += 1;
      const { sha256 } = end.image;
      const rows = examples.get(sha256);
      if (!rows && examples.size < EXAMPLES) examples.set(sha256, new Map([[contentHash, rowId]]));
      else if (rows && rows.size < ROWS_AN_EXAMPLE && !rows.has(contentHash)) rows.set(contentHash, rowId);
    }
    return {
      images,
      examples: Array.from(examples, ([sha256, rows]) => ({ sha256, rowIds: [...rows.values()] })),
    };
  }
}

/** What `SameBytesFinder` gives where it has found nothing. */
export const NO_SAME_BYTES: SameBytes = { images: 0, examples: [] };

/** The warning about shared images, on one line; undefined where there is nothing to say. */
export function sameBytesText(sameBytes: Pick<SameBytes, 'images'> | undefined): string | undefined {
  if (!sameBytes || sameBytes.images === 0) return undefined;
  return `${sameBytes.images} images have the same bytes under different prompts: the service may have sent a placeholder.`;
}
