import { MAX_BUDGET, MAX_PRICE, microsOf } from '../money/decimal.js';
import { MODELS, RESOLUTIONS } from '../rows/generation-settings.js';
import type { ImagePrice } from '../money/price-table.js';

/** Maximum for a batch's number of jobs in flight. */
export const MAX_CONCURRENCY = 10_000;

/** The rule for a budget, for messages. */
export const BUDGET_RULE = `an amount with at most six decimals, such as 25.00, up to ${MAX_BUDGET}`;

/** Settings that a person may change while a batch runs. */
export interface ChangedSettings {
  /** Maximum number of jobs in flight, 1 to 10,000. */
  readonly concurrency?: number;
  /** The batch is held if more than this many percent of its last generations fail, 1 to 100; 100 never holds it. */
  readonly maxFailureRate?: number;
  /** The run's maximum cost: a decimal string with at most six decimals. */
  readonly budget?: string;
  /** Prices of images, for a batch that has no budget yet; absent: those known when its run was requested. */
  readonly prices?: readonly ImagePrice[];
}

/** Why changed settings are not valid, as a sentence for users; undefined if they are. */
export function problemWithSettings(settings: ChangedSettings | undefined): string | undefined {
  const { concurrency, maxFailureRate, budget, prices } = settings ?? {};
  if (concurrency === undefined && maxFailureRate === undefined && budget === undefined) {
    return 'Nothing to set: give concurrency, maxFailureRate or budget.';
  }
  if (budget !== undefined && microsOf(budget, MAX_BUDGET) === undefined) {
    return `The budget must be ${BUDGET_RULE}.`;
  }
  if (prices !== undefined && !arePrices(prices)) {
    return 'The prices must be a list of {model, resolution, price}, each price a decimal string.';
  }
  if (concurrency !== undefined && !isWholeWithin(concurrency, MAX_CONCURRENCY)) {
    return `The concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}.`;
  }
  if (maxFailureRate !== undefined && !isWholeWithin(maxFailureRate, 100)) {
    return 'The maximum failure rate must be a whole number from 1 to 100, in percent.';
  }
  return undefined;
}

/** Programs may send anything. */
function arePrices(prices: unknown): boolean {
  return Array.isArray(prices) && prices.every(isPrice);
}

function isPrice(one: Partial<Record<keyof ImagePrice, unknown>> | null | undefined): boolean {
  return (
    MODELS.some((model) => model === one?.model) &&
    RESOLUTIONS.some((resolution) => resolution === one?.resolution) &&
    typeof one?.price === 'string' &&
    microsOf(one.price, MAX_PRICE) !== undefined
  );
}

function isWholeWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}
