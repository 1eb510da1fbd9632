import { IdLines } from '../identity/id-lines.js';
import type { RowId } from '../rows/ids.js';
import type { RowOutcome } from '../rows/outcome.js';

/** Stored images that are identical to another row's although their contents (prompt and settings) differ, with some examples. */
export interface SameBytes {
  readonly images: number;
  readonly examples: readonly SameBytesExample[];
}

/** One image of several rows with different contents. */
export interface SameBytesExample {
  readonly sha256: string;
  readonly rowIds: readonly RowId[];
}

const EXAMPLES = 20;
const ROWS_AN_EXAMPLE = 5;

/**
 * Finds identical images of different contents: most likely a placeholder of the service. Rows with the same content
 * may share their image.
 *
 * Reads the outcomes twice, so that a million rows take some 40 bytes each: first all through `note`, then, only if
 * `found` is true, through `collect`.
 */
export class SameBytesFinder {
  /** By image: the first 32 bits of the content for which it was first seen. */
  readonly #contents = new IdLines();
  readonly #shared = new IdLines();
  #found = false;

  /** Whether an image was seen for more than one content. */
  get found(): boolean {
    return this.#found;
  }

  note({ end, contentHash }: RowOutcome): void {
    if (end.kind !== 'stored') return;
    const { sha256 } = end.image;
    // Zero cannot be stored.
    const content = Number.parseInt(contentHash.slice(0, 8), 16) || 1;
    const first = this.#contents.claim(sha256, content);
    if (first === undefined || first === content) return;
    this.#shared.claim(sha256, 1);
    this.#found = true;
  }

  /** Whether an image with these bytes was seen. */
  hasNoted(sha256: string): boolean {
    return this.#contents.lineOf(sha256) !== undefined;
  }

  /** Whether an outcome's image is one of those; valid once all were noted. */
  isShared({ end }: RowOutcome): boolean {
    return end.kind === 'stored' && this.#shared.lineOf(end.image.sha256) !== undefined;
  }

  /** Counts the identical images and collects up to 20 of them, with up to 5 rows of different contents each. */
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

/** The result of `SameBytesFinder` without any findings. */
export const NO_SAME_BYTES: SameBytes = { images: 0, examples: [] };

/** The one-line warning about identical images; undefined if there are none. */
export function sameBytesText(sameBytes: Pick<SameBytes, 'images'> | undefined): string | undefined {
  if (!sameBytes || sameBytes.images === 0) return undefined;
  return `${sameBytes.images} images have the same bytes under different prompts: the service may have sent a placeholder.`;
}
