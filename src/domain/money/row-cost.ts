import { totalOf } from './decimal.js';
import type { GenerationRecord } from '../rows/outcome.js';
import { priceOf, tableOf, type ImagePrice, type PriceTable } from './price-table.js';
import type { PromptRow } from '../rows/row.js';

/** The cost of single rows by a price list, over all their generations. */
export class RowCosts {
  readonly #prices: PriceTable | undefined;
  /** A cache: there are few prices and few counts, but up to a million rows. */
  readonly #totals = new Map<string, string>();

  constructor(prices: readonly ImagePrice[] | undefined) {
    this.#prices = prices && tableOf(prices);
  }

  /** A decimal string; undefined without a price, or if it is unknown whether a generation was charged. */
  of(
    row: Pick<PromptRow, 'model' | 'resolution'>,
    generations: readonly GenerationRecord[],
  ): string | undefined {
    const price = this.#prices && priceOf(this.#prices, row);
    if (price === undefined || generations.some(({ charged }) => charged === 'unknown')) return undefined;
    const times = generations.filter(({ charged }) => charged === 'yes').length;
    const key = `${price} ${times}`;
    const known = this.#totals.get(key) ?? totalOf([{ amount: price, times }]);
    this.#totals.set(key, known);
    return known;
  }
}
