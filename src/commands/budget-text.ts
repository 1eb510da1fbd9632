import { budgetIn, type Spending } from '../plan/spending.js';
import { counted } from '../domain/text/full-stop.js';
import { imagesOf, type ImagesOfKind } from '../domain/money/image-counts.js';
import { MAX_BUDGET, MAX_PRICE, microsOf, microsText } from '../domain/money/decimal.js';
import { costOf, priceOf, type PriceTable } from '../domain/money/price-table.js';

/** Lines that tell how far a budget goes for the images of a plan; none where there is none, or a price is missing. */
export function budgetText(
  spending: Spending,
  buys: readonly ImagesOfKind[],
  prices: PriceTable | undefined,
): string {
  const budget = budgetIn(spending);
  if (budget === undefined || !prices || costOf(prices, buys).unpriced.length > 0) return '';
  const cap = microsOf(budget, MAX_BUDGET) ?? 0;
  const images = imagesOf(buys);
  const cost = buys.reduce(
    (sum, kind) => sum + BigInt(microsOf(priceOf(prices, kind) ?? '', MAX_PRICE) ?? 0) * BigInt(kind.images),
    0n,
  );
  const enough =
    BigInt(cap) >= cost
      ? 'enough for one job per image'
      : `enough for about ${(BigInt(cap) * BigInt(images)) / cost} of the ${counted(images, 'image')}; then the batch pauses`;
  return `Budget     ${microsText(cap)}: ${enough}\n`;
}
