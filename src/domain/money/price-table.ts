import { totalOf } from './decimal.js';
import { MODELS, RESOLUTIONS, type Model, type Resolution } from '../rows/generation-settings.js';
import type { ImageKind, ImagesOfKind } from './image-counts.js';

/** What an image costs by model and resolution: decimal strings in the account's currency, none of them negative. */
export type PriceTable = ReadonlyMap<Model, ReadonlyMap<Resolution, string>>;

/** The price of an image; undefined where the table does not say. */
export function priceOf(prices: PriceTable, { model, resolution }: ImageKind): string | undefined {
  return prices.get(model)?.get(resolution);
}

/** What an image of one kind costs: a decimal string. */
export interface ImagePrice extends ImageKind {
  readonly price: string;
}

/** A price table as a list, always in the same order. */
export function pricesOf(prices: PriceTable): readonly ImagePrice[] {
  return MODELS.flatMap((model) =>
    RESOLUTIONS.flatMap((resolution) => {
      const price = priceOf(prices, { model, resolution });
      return price === undefined ? [] : [{ model, resolution, price }];
    }),
  );
}

/** The price table of a list. */
export function tableOf(list: readonly ImagePrice[]): PriceTable {
  const table = new Map<Model, Map<Resolution, string>>();
  for (const { model, resolution, price } of list) {
    const prices = table.get(model) ?? new Map<Resolution, string>();
    table.set(model, prices.set(resolution, price));
  }
  return table;
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
