import { totalOf } from './decimal.js';
import type { Model, Resolution } from './generation-settings.js';
import type { ImageKind, ImagesOfKind } from './image-counts.js';

/** What an image costs by model and resolution: decimal strings in the account's currency, none of them negative. */
export type PriceTable = ReadonlyMap<Model, ReadonlyMap<Resolution, string>>;

/** The price of an image; undefined where the table does not say. */
export function priceOf(prices: PriceTable, { model, resolution }: ImageKind): string | undefined {
  return prices.get(model)?.get(resolution);
}

/** What images cost. */
export interface Cost {
  /** Exact, of those that have a price; a decimal string. */
  readonly total: string;
  /** The kinds that the table does not name: `total` is without them. */
  readonly unpriced: readonly ImagesOfKind[];
}

/** What images cost by a price table, one generation each. */
export function costOf(prices: PriceTable, kinds: readonly ImagesOfKind[]): Cost {
  const terms = kinds.flatMap((kind) => {
    const amount = priceOf(prices, kind);
    return amount === undefined ? [] : [{ amount, times: kind.images }];
  });
  return {
    total: totalOf(terms),
    unpriced: kinds.filter((kind) => priceOf(prices, kind) === undefined),
  };
}
