import { counted } from '../domain/counted.js';
import { kindsText, type ImagesOfKind } from '../domain/image-counts.js';
import { MAX_BUDGET, MAX_PRICE, microsOf } from '../domain/micros.js';
import { costOf, priceOf, pricesOf, type PriceTable } from '../domain/price-table.js';
import type { RunSettings } from '../domain/run-settings.js';
import { UsageError } from '../errors.js';
import { readBudgetFile } from '../ledger/budget-file.js';
import { RunRequest } from '../ledger/documents.js';
import { readDocumentIfAny } from '../ledger/read-document.js';
import { at, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { rowsToBuy, rowsToRun, type PlanCounts } from './plan-counts.js';
import { lastRunSeq } from './plan-submission.js';

/** What a run may make and cost, by the flags. */
export interface Spending {
  /** Most images that the plan may buy. */
  readonly maxImages?: number;
  /** A decimal string, or `none`: whatever it costs. */
  readonly budget?: string;
}

const EXAMPLE = '{"nb":{"1K":"0.02"},"pro":{"1K":"0.04","4K":"0.08"}}';

/**
 * What of the money a run's settings say. Throws a UsageError where the plan makes more images than it may, where a budget
 * has no prices to count by, and where the batch's newest run had a budget and this one is not told whether it has one.
 */
export async function spendingSettings(
  spending: Spending,
  found: {
    readonly store: ObjectStore;
    readonly location: BatchLocation;
    readonly plan: PlanCounts;
    /** The images of all rows that run: a job that is awaited may fail, and be made again. */
    readonly mayMake: readonly ImagesOfKind[];
    readonly prices: PriceTable | undefined;
  },
): Promise<Pick<RunSettings, 'budget' | 'prices'>> {
  const { store, location, plan, mayMake, prices } = found;
  const tooMany = tooManyImages(spending, plan);
  if (tooMany) throw new UsageError(`${tooMany} Raise it, or use fewer rows; nothing was started.`);
  if (spending.budget === undefined && rowsToRun(plan) > 0) await refuseToForget(store, location);
  const pinned = prices && { prices: pricesOf(prices) };
  const budget = budgetIn(spending);
  if (budget === undefined) return { ...pinned };
  refuseUnpriced(mayMake, prices);
  return { ...pinned, budget };
}

/** The amount of a budget; undefined for `none`, and where nothing was said. */
export function budgetIn({ budget }: Spending): string | undefined {
  return budget === 'none' ? undefined : budget;
}

/** That a plan makes more images than it may, as a sentence; undefined where it does not. */
export function tooManyImages({ maxImages }: Spending, plan: PlanCounts): string | undefined {
  const images = rowsToBuy(plan);
  if (maxImages === undefined || images <= maxImages) return undefined;
  return `This would make ${counted(images, 'image')}, but --max-images allows ${maxImages}.`;
}

/** Throws a UsageError where some images have no price that a budget can count by. */
export function refuseUnpriced(kinds: readonly ImagesOfKind[], prices: PriceTable | undefined): void {
  if (!prices) {
    throw new UsageError(
      `--budget needs the prices of images. Set BANANA_PRICES, such as ${EXAMPLE}; nothing was started.`,
    );
  }
  const { unpriced } = costOf(prices, kinds);
  if (unpriced.length > 0) {
    throw new UsageError(
      `--budget needs the prices of images, and BANANA_PRICES has none for ${kindsText(unpriced)}. Add ${unpriced.length === 1 ? 'it' : 'them'}, such as ${EXAMPLE}; nothing was started.`,
    );
  }
  for (const kind of kinds) {
    const price = priceOf(prices, kind) ?? '';
    if (microsOf(price, MAX_PRICE) !== undefined) continue;
    throw new UsageError(
      `BANANA_PRICES: the price of ${kind.model} ${kind.resolution} is ${price}; with --budget a price has at most six decimals and is at most ${MAX_PRICE}.`,
    );
  }
}

/** A cap must not be lost by not being said again. */
async function refuseToForget(store: ObjectStore, location: BatchLocation): Promise<void> {
  const runSeq = await lastRunSeq(store, location);
  if (runSeq === 0) return;
  const run: RunRef = { ...location, runSeq };
  const request = await readDocumentIfAny(store, at(run, requestKey(run, runSeq)), RunRequest);
  const budget = request?.settings?.budget;
  if (budget === undefined) return;
  const file = await readBudgetFile(store, run);
  const cap = file?.cap ?? budget;
  throw new UsageError(
    `Run ${runSeq} of "${location.batchId}" had a budget of ${cap}, of which ${file?.committed ?? '0.00'} was spent or reserved. Give this run a budget of its own: --budget AMOUNT, or --budget none for no limit. Nothing was started.`,
  );
}

/** Throws a UsageError where a command names another budget for a running batch than that was started with. */
export function refuseOtherBudget(
  { batchId }: BatchLocation,
  spending: Spending,
  running: Pick<RunSettings, 'budget'> | undefined,
): void {
  const { budget } = spending;
  const asked = budgetIn(spending);
  if (budget === undefined || inMicros(asked) === inMicros(running?.budget)) return;
  const has = running?.budget === undefined ? 'without a budget' : `with a budget of ${running.budget}`;
  const change =
    running?.budget === undefined
      ? `a budget cannot be added to a running batch. Stop it with: banana-batch cancel ${batchId}`
      : `change it with: banana-batch set ${batchId} --budget AMOUNT`;
  throw new UsageError(`Batch "${batchId}" is already running, ${has}; ${change}`);
}

function inMicros(amount: string | undefined): number | undefined {
  return amount === undefined ? undefined : microsOf(amount, MAX_BUDGET);
}
