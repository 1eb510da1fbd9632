import { ImageCounts, type ImagesOfKind } from '../domain/money/image-counts.js';
import type { PromptRow, RejectedRecord } from '../domain/rows/row.js';
import { plannedRows, type PlannedItem } from './rows/planned-rows.js';
import { rejectsOf } from '../ledger/kept-rejects.js';
import { beforeRun, lastRunSeq } from '../ledger/previous-runs.js';
import { SheetTally, type SheetSummary } from '../sheet/index.js';
import type { BatchLocation, RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { CheckedSheet } from './rows/check-sheet.js';
import { NewIdsFinder, NO_NEW_IDS, type NewIds } from './rows/new-ids.js';
import { PlanCounter, type PlanCounts } from './plan-counts.js';
import { sheetItems } from '../sheet/fetch/sheet-file.js';

/** The plan of a submission; nothing is changed yet. */
export interface SubmissionPlan extends PlanCounts {
  readonly runSeq: number;
  /** With the batch's own checks: rows whose names the batch already has are rejected as well. */
  readonly summary: SheetSummary;
  /** Rows that the sheet lacks stay. */
  readonly merge: boolean;
  /** For our own failures.csv or rejects.csv: ids that are not rows of the batch. */
  readonly newIds: NewIds;
  /** The images to buy. */
  readonly buys: readonly ImagesOfKind[];
  /** The same including rows with known jobs, which may fail. */
  readonly mayMake: readonly ImagesOfKind[];
}

/** Callbacks for those who show a plan. */
export interface PlanListener {
  /** Called for each row to make, in order; `isBought`: it does not await a job of an earlier run. */
  readonly onRun?: (row: PromptRow, isBought: boolean) => void;
  /** Called for each rejected record, including those rejected because of the batch's rows; not for a batch's first run. */
  readonly onRejected?: (record: RejectedRecord) => Promise<void>;
  /** Whether enough rows were seen: then no more of a batch's first run is read. Default false. */
  readonly hasEnough?: () => boolean;
}

/**
 * Compares a checked sheet with the state that the batch's earlier runs left: the second reading of the sheet before
 * its batch starts. Throws StorageError; changes nothing.
 */
export async function planSubmission(
  store: ObjectStore,
  location: BatchLocation,
  sheet: CheckedSheet,
  listener: PlanListener = {},
): Promise<SubmissionPlan> {
  const runSeq = (await lastRunSeq(store, location)) + 1;
  return planRun(store, { ...location, runSeq }, sheet, listener);
}

/** Compares a checked sheet with the state before a run. Throws StorageError; changes nothing. */
export async function planRun(
  store: ObjectStore,
  run: RunRef,
  sheet: CheckedSheet,
  listener: PlanListener = {},
): Promise<SubmissionPlan> {
  if (run.runSeq === 1) return firstPlan(sheet, listener);
  const { onRun, onRejected } = listener;
  const counter = new PlanCounter();
  const buys = new ImageCounts();
  const mayMake = new ImageCounts();
  const tally = new SheetTally();
  const newIds = new NewIdsFinder();
  for await (const item of plannedItems(store, run, sheet)) {
    counter.add(item);
    newIds.addPlanned(item);
    if (item.kind === 'sheet') {
      tally.add(item.item);
      if (item.item.kind === 'rejected') await onRejected?.(item.item.rejected);
    }
    if (item.kind !== 'planned' || item.plan.kind !== 'run') continue;
    const isBought = item.plan.start.jobId === undefined;
    mayMake.add(item.row);
    if (isBought) buys.add(item.row);
    onRun?.(item.row, isBought);
  }
  if (sheet.summary.isRejects) await addRejects(newIds, store, run);
  return {
    runSeq: run.runSeq,
    summary: tally.summary(),
    merge: sheet.merge,
    newIds: newIds.found(),
    buys: buys.list,
    mayMake: mayMake.list,
    ...counter.counts,
  };
}

/** The plan of a new batch. Reads the sheet only if there are callbacks for its rows, or if its ids matter. */
export async function firstPlan(
  sheet: CheckedSheet,
  { onRun, hasEnough = () => false }: Pick<PlanListener, 'onRun' | 'hasEnough'> = {},
): Promise<SubmissionPlan> {
  const { summary } = sheet;
  const newIds = summary.isFailures || summary.isRejects ? new NewIdsFinder() : undefined;
  const isEnough = (): boolean => !newIds && (!onRun || hasEnough());
  if (!isEnough()) {
    for await (const item of sheetItems(sheet, sheet.sheetSettings)) {
      newIds?.addSheetItem(item);
      if (item.kind === 'row') onRun?.(item.row, true);
      if (isEnough()) break;
    }
  }
  return {
    runSeq: 1,
    summary,
    merge: false,
    newIds: newIds?.found() ?? NO_NEW_IDS,
    buys: summary.images,
    mayMake: summary.images,
    ...new PlanCounter().counts,
    new: summary.rows,
  };
}

/** An id that the batch has as rejected is not new either. */
async function addRejects(newIds: NewIdsFinder, store: ObjectStore, run: RunRef): Promise<void> {
  const { base, batch } = await beforeRun(store, run);
  if (!base || !batch) return;
  const idColumn = (batch.sheet.sheet.map.id ?? 'id').trim().toLowerCase();
  for await (const rejected of rejectsOf(store, base, batch)) newIds.addRejected(rejected, idColumn);
}

async function* plannedItems(
  store: ObjectStore,
  run: RunRef,
  sheet: CheckedSheet,
): AsyncGenerator<PlannedItem> {
  yield* plannedRows({
    store,
    run,
    before: await beforeRun(store, run),
    request: {
      action: 'submit',
      kinds: [],
      redo: [],
      merge: sheet.merge,
      sheet: sheet.sheetSettings,
      sheetName: sheet.name,
    },
    openSheet: async () => sheet.open(),
    names: sheet.names,
    inputs: sheet.inputs,
    signal: sheet.signal,
  });
}
