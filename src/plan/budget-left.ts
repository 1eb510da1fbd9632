import { MAX_BUDGET, microsOf, microsText } from '../domain/money/decimal.js';
import { microsFor, tableOf, type ImagePrice } from '../domain/money/price-table.js';
import { boughtByRun } from '../domain/money/run-cost.js';
import { committedIn, readBudgetFile } from '../ledger/budget-file.js';
import { BatchFile, RunRequest } from '../ledger/documents.js';
import { PresentImages } from '../ledger/present-images.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import { rowsAfterRun, type LeftRow } from '../ledger/run-rows.js';
import { at, batchFileKey, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { lastRunSeq } from '../ledger/previous-runs.js';

/** The part of a run's budget that its successor may spend: decimal strings. */
export interface BudgetLeft {
  readonly cap: string;
  readonly left: string;
}

/**
 * What is left of the budget of a batch's newest run, which was ended from outside, so that both runs together stay
 * within it. Undefined without a budget. A create without a record or an image is repeated by the next run with the
 * same key, and counted there; if the key may be forgotten, all leased money counts as spent. Throws StorageError.
 */
export async function budgetLeft(
  store: ObjectStore,
  location: BatchLocation,
  nowMs: number,
): Promise<BudgetLeft | undefined> {
  const run = { ...location, runSeq: await lastRunSeq(store, location) };
  const request = await readDocumentIfAny(store, at(run, requestKey(run, run.runSeq)), RunRequest);
  const settings = request?.settings;
  if (!settings) return undefined;
  const file = await readBudgetFile(store, run);
  const cap = file?.cap ?? settings.budget;
  if (cap === undefined) return undefined;
  const committed = file ? committedIn(file) : 0;
  const isOld = nowMs - Date.parse(request?.submittedAt ?? '') >= settings.idempotencyHorizonMs;
  const prices = file?.prices ?? settings.prices;
  const spent = isOld ? committed : Math.min(committed, await seenSpent(store, run, prices));
  return { cap, left: microsText(Math.max(0, (microsOf(cap, MAX_BUDGET) ?? 0) - spent)) };
}

/** The price of the images that a run is known to have bought, by its records and the images in the bucket. In millionths. */
async function seenSpent(
  store: ObjectStore,
  run: RunRef,
  prices: readonly ImagePrice[] = [],
): Promise<number> {
  const batch = await readDocumentIfAny(store, at(run, batchFileKey(run)), BatchFile);
  if (batch?.runSeq !== run.runSeq) return 0;
  const table = tableOf(prices);
  const images = await PresentImages.list(store, run);
  let spent = 0;
  for await (const left of rowsAfterRun(store, run)) {
    const price = microsFor(table, left.row) ?? 0;
    spent += price * (await generationsSeen(run, left, images));
  }
  return spent;
}

async function generationsSeen(
  run: RunRef,
  { row, before: { outcome, start } }: LeftRow,
  images: PresentImages,
): Promise<number> {
  if (!start) return outcome.runSeq === run.runSeq ? boughtByRun(row, outcome.generations).length : 0;
  const stored = await images.outcomeOf(row, undefined, { leastGeneration: row.generation });
  const last = stored?.generations.at(-1);
  return last ? last.generation - row.generation + (row.jobId === last.jobId ? 0 : 1) : 0;
}
