import { MAX_PRICE, microsOf, totalOf } from './decimal.js';
import { MODELS, RESOLUTIONS, type Model, type Resolution } from '../rows/generation-settings.js';
import type { ImageKind, ImagesOfKind } from './image-counts.js';

/** The price of an image by model and resolution: non-negative decimal strings in the account's currency. */
export type PriceTable = ReadonlyMap<Model, ReadonlyMap<Resolution, string>>;

/** The price of an image; undefined if the table lacks it. */
export function priceOf(prices: PriceTable, { model, resolution }: ImageKind): string | undefined {
  return prices.get(model)?.get(resolution);
}

/** The price of an image in millionths; undefined if the table lacks it, or it has more decimals or is too high. */
export function microsFor(prices: PriceTable, kind: ImageKind): number | undefined {
  return microsOf(priceOf(prices, kind) ?? '', MAX_PRICE);
}

/** The price of an image of one kind: a decimal string. */
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
  /** Exact sum for the kinds with a price; a decimal string. */
  readonly total: string;
  /** Kinds without a price: `total` excludes them. */
  readonly unpriced: readonly ImagesOfKind[];
}

/** The cost of images by a price table, one generation each. */
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
