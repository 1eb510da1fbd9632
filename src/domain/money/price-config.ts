import { z } from 'zod';
import { isAmount } from './decimal.js';
import { MODELS, resolutionsFor, type Resolution } from '../rows/generation-settings.js';
import type { PriceTable } from './price-table.js';

const Prices = z.record(z.string(), z.record(z.string(), z.unknown()));

/** Reads BANANA_PRICES; adds its errors to `problems`. */
export function readPrices(text: string | undefined, problems: string[]): PriceTable | undefined {
  if (!text?.trim()) return undefined;
  const given = Prices.safeParse(jsonIn(text));
  if (!given.success) {
    problems.push('BANANA_PRICES must be JSON such as {"nb":{"1K":"0.02"},"pro":{"1K":"0.04","4K":"0.08"}}.');
    return undefined;
  }
  const unknown = Object.keys(given.data).filter((name) => !MODELS.some((model) => model === name));
  problems.push(
    ...unknown.map(
      (name) =>
        `BANANA_PRICES has a price for "${name}", which is not a model: expected ${MODELS.join(', ')}.`,
    ),
  );
  return new Map(
    MODELS.map((model) => {
      const resolutions = resolutionsFor(model);
      const prices = new Map<Resolution, string>();
      for (const [name, price] of Object.entries(given.data[model] ?? {})) {
        const resolution = resolutions.find((known) => known === name);
        if (resolution === undefined) {
          problems.push(
            `BANANA_PRICES: ${model} has no resolution "${name}": expected ${resolutions.join(', ')}.`,
          );
        } else if (typeof price !== 'string' || !isAmount(price)) {
          problems.push(
            `BANANA_PRICES: the price of ${model} ${name} is ${JSON.stringify(price)}; expected a decimal in quotes, such as "0.04".`,
          );
        } else {
          prices.set(resolution, price);
        }
      }
      return [model, prices];
    }),
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
