import type { Canary } from '../domain/batch/canary.js';
import { counted } from '../domain/text/full-stop.js';
import { kindsText, type ImagesOfKind } from '../domain/money/image-counts.js';
import { MAX_BUDGET, MAX_PRICE, microsOf } from '../domain/money/decimal.js';
import { costOf, priceOf, pricesOf, type PriceTable } from '../domain/money/price-table.js';
import type { RunSettings } from '../domain/batch/run-settings.js';
import { UsageError } from '../errors.js';
import { readBudgetFile } from '../ledger/budget-file.js';
import { RunRequest } from '../ledger/documents.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import { at, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { rowsToBuy, rowsToRun, type PlanCounts } from './plan-counts.js';
import { lastRunSeq } from '../ledger/previous-runs.js';

/** What a run may buy, by its flags. */
export interface Spending {
  /** Maximum number of images that the plan may buy. */
  readonly maxImages?: number;
  /** A decimal string, or `none` for no limit. */
  readonly budget?: string;
}

const EXAMPLE = '{"nb":{"1K":"0.02"},"pro":{"1K":"0.04","4K":"0.08"}}';

/**
 * The money settings of a run. Throws a UsageError if the plan exceeds the maximum number of images, if a budget
 * lacks prices, and if the batch's newest run had a budget but this one names none.
 */
export async function spendingSettings(
  spending: Spending,
  found: {
    readonly plan: PlanCounts & {
      /** The images of all rows to run: an awaited job may fail, and be made again. */
      readonly mayMake: readonly ImagesOfKind[];
    };
    readonly prices: PriceTable | undefined;
    /** Where an earlier run may have had a budget; undefined for a batch without a place. */
    readonly batch: { readonly store: ObjectStore; readonly location: BatchLocation } | undefined;
  },
): Promise<Pick<RunSettings, 'budget' | 'prices'>> {
  const { plan, prices, batch } = found;
  const tooMany = tooManyImages(spending, plan);
  if (tooMany) throw new UsageError(`${tooMany} Raise the limit, or submit fewer rows; nothing was started.`);
  if (batch && spending.budget === undefined && rowsToRun(plan) > 0)
    await refuseToForget(batch.store, batch.location);
  const pinned = prices && { prices: pricesOf(prices) };
  const budget = budgetIn(spending);
  if (budget === undefined) return { ...pinned };
  refuseUnpriced(plan.mayMake, prices);
  return { ...pinned, budget };
}

/** The settings with a canary, and with the prices for its cost report. */
export function withCanary(
  settings: RunSettings,
  canary: Canary | undefined,
  prices: PriceTable | undefined,
): RunSettings {
  if (!canary) return settings;
  return { ...settings, canary, ...(prices && { prices: pricesOf(prices) }) };
}

/** The amount of a budget; undefined for `none`, and if none was given. */
export function budgetIn({ budget }: Spending): string | undefined {
  return budget === 'none' ? undefined : budget;
}

/** That a plan makes too many images, as a sentence; undefined if it does not. */
function tooManyImages({ maxImages }: Spending, plan: PlanCounts): string | undefined {
  const images = rowsToBuy(plan);
  if (maxImages === undefined || images <= maxImages) return undefined;
  return `This would make ${counted(images, 'image')}, but --max-images allows ${maxImages}.`;
}

/** Throws a UsageError if some images have no price, which a budget requires. */
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

/** A budget must not be lost because a later command omits --budget. */
async function refuseToForget(store: ObjectStore, location: BatchLocation): Promise<void> {
  const runSeq = await lastRunSeq(store, location);
  if (runSeq === 0) return;
  const run: RunRef = { ...location, runSeq };
  const request = await readDocumentIfAny(store, at(run, requestKey(run, runSeq)), RunRequest);
  const file = await readBudgetFile(store, run);
  const cap = file?.cap ?? request?.settings?.budget;
  if (cap === undefined) return;
  throw new UsageError(
    `Run ${runSeq} of "${location.batchId}" had a budget of ${cap}, of which ${file?.committed ?? '0.00'} was spent or reserved. Set what this run may cost in addition: --budget AMOUNT, or --budget none for no cap. Nothing was started.`,
  );
}

/** Throws a UsageError if a command names another budget for a running batch than it has. Throws StorageError. */
export async function refuseOtherBudget(
  store: ObjectStore,
  run: RunRef,
  spending: Spending,
  settings: Pick<RunSettings, 'budget'> | undefined,
): Promise<void> {
  if (spending.budget === undefined) return;
  const { batchId } = run;
  const amount = budgetIn(spending);
  const cap = (await readBudgetFile(store, run))?.cap ?? settings?.budget;
  if (inMicros(amount) === inMicros(cap)) return;
  const has = cap === undefined ? 'without a budget' : `with a budget of ${cap}`;
  const change = cap === undefined ? 'set one' : 'change it';
  throw new UsageError(
    `Batch "${batchId}" is already running, ${has}; ${change} with: banana-batch set ${batchId} --budget AMOUNT`,
  );
}

function inMicros(amount: string | undefined): number | undefined {
  return amount === undefined ? undefined : microsOf(amount, MAX_BUDGET);
}
