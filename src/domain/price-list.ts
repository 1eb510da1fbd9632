import type { ImageKind } from './image-counts.js';
import type { PriceTable } from './price-table.js';

/** A price table as it is written down with a run. */
export type PriceList = readonly (ImageKind & { readonly price: string })[];

/** A table in its written form. */
export function priceListOf(prices: PriceTable): PriceList {
  return [...prices].flatMap(([model, byResolution]) =>
    [...byResolution].map(([resolution, price]) => ({ model, resolution, price })),
  );
}

/** The table that was written down. */
export function priceTableOf(list: PriceList): PriceTable {
  const table = new Map<ImageKind['model'], Map<ImageKind['resolution'], string>>();
  for (const { model, resolution, price } of list) {
    table.set(model, (table.get(model) ?? new Map<ImageKind['resolution'], string>()).set(resolution, price));
  }
  return table;
}
