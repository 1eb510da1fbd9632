import type { ImageFacts } from '../domain/rows/outcome.js';

/** The facts of a row with an image that a dataset's card counts. */
export interface CountedRow {
  readonly model: string;
  readonly resolution: string;
  readonly aspectRatio: string;
  readonly image: Pick<ImageFacts, 'type' | 'sizeBytes'>;
}

/** The breakdowns of a card, by their titles. */
const CARD_BREAKDOWNS = {
  Model: ({ model }) => model,
  Resolution: ({ resolution }) => resolution,
  'Aspect ratio': ({ aspectRatio }) => aspectRatio,
  'File type': ({ image }) => image.type,
} as const satisfies Readonly<Record<string, (row: CountedRow) => string>>;

/** Counts the images of a dataset for its card. */
export class CardCounts {
  images = 0;
  imageBytes = 0;
  readonly #breakdowns = Object.entries(CARD_BREAKDOWNS).map(([title, valueOf]) => ({
    title,
    valueOf,
    counts: new Map<string, number>(),
  }));

  add(row: CountedRow): void {
    this.#count(row, 1);
  }

  /** Removes a row that was added. */
  remove(row: CountedRow): void {
    this.#count(row, -1);
  }

  #count(row: CountedRow, by: 1 | -1): void {
    this.images += by;
    this.imageBytes += by * row.image.sizeBytes;
    for (const { valueOf, counts } of this.#breakdowns) {
      const value = valueOf(row);
      const count = (counts.get(value) ?? 0) + by;
      if (count === 0) counts.delete(value);
      else counts.set(value, count);
    }
  }

  /** By title, the values with their counts, most frequent first. */
  get breakdowns(): readonly {
    readonly title: string;
    readonly counts: readonly (readonly [value: string, count: number])[];
  }[] {
    return this.#breakdowns.map(({ title, counts }) => ({
      title,
      counts: [...counts].toSorted(([a, first], [b, second]) => second - first || (a < b ? -1 : 1)),
    }));
  }
}
