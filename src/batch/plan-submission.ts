import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { ImageCounts, type ImagesOfKind } from '../domain/image-counts.js';
import type { PromptRow, RejectedRecord } from '../domain/row.js';
import { plannedRows, type PlannedItem } from '../ledger/planned-rows.js';
import { rejectsOf } from '../ledger/kept-rejects.js';
import { beforeRun } from '../ledger/previous-runs.js';
import {
  readSheet,
  SheetTally,
  summarizeSheet,
  type SheetSettings,
  type SheetSummary,
} from '../sheet/index.js';
import { runsPrefix, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { NewIdsFinder, NO_NEW_IDS, type NewIds } from './new-ids.js';
import { PlanCounter, type PlanCounts } from './plan-counts.js';
import type { FoundInputs } from './sheet-inputs.js';

/** A sheet on the local disk, whole, as it was given. */
export interface SheetFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** What it was given as: tells the format by its extension. */
  readonly name: string;
  /** The images that it names beside itself; undefined for a sheet that can name none. */
  readonly inputs?: FoundInputs;
  /** Ends every reading of it, with its reason. */
  readonly signal?: AbortSignal;
}

/** The sha256 and size of a local file. */
export async function hashFile(
  filePath: string,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(filePath)) {
    hash.update(chunk as Buffer);
    sizeBytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** What a submission would do, before anything is done. */
export interface SubmissionPlan extends PlanCounts {
  readonly runSeq: number;
  /** As the batch takes it: names that rows of the batch have are rejected as well. */
  readonly summary: SheetSummary;
  /** Rows that the sheet lacks stay. */
  readonly merge: boolean;
  /** Of our own failures.csv or rejects.csv: ids that are not rows of the batch. */
  readonly newIds: NewIds;
  /** The images that would have to be bought. */
  readonly buys: readonly ImagesOfKind[];
  /** The same with those whose jobs are known, and may fail. */
  readonly mayMake: readonly ImagesOfKind[];
}

/** Hears of the rows whose images would have to be bought, in their order. */
export type OnBought = (row: PromptRow) => void;

/**
 * Reads the whole sheet; `onRow` is called for every thousandth row. Throws SheetError where it cannot be trusted, or makes
 * more images than a batch takes.
 */
export async function checkSheet(
  sheet: SheetFile,
  settings: SheetSettings,
  onRow: (rows: number) => void = () => undefined,
): Promise<SheetSummary> {
  return summarizeSheet(createReadStream(sheet.path), settings, sheet, onRow);
}

/** A checked sheet and how it is to become a batch, or a part of one. */
export interface SheetToPlan {
  readonly sheet: SheetFile;
  readonly sheetSettings: SheetSettings;
  readonly summary: SheetSummary;
  readonly merge: boolean;
}

/** A checked sheet and how it is to become a batch. What our own reports tell of a batch are parts of it: the rest stays. */
export function sheetToPlan(
  sheet: SheetFile & { readonly summary: SheetSummary },
  { sheetSettings, merge }: { readonly sheetSettings: SheetSettings; readonly merge: boolean },
): SheetToPlan {
  const { summary } = sheet;
  return { sheet, sheetSettings, summary, merge: merge || summary.isFailures || summary.isRejects };
}

/**
 * Compares a checked sheet with what the batch's earlier runs left; of a batch's first run, `onBought` is not called.
 * Throws StorageError; changes nothing.
 */
export async function planSubmission(
  store: ObjectStore,
  location: BatchLocation,
  asked: SheetToPlan,
  onBought?: OnBought,
): Promise<SubmissionPlan> {
  const runSeq = (await lastRunSeq(store, location)) + 1;
  return planRun(store, { ...location, runSeq }, asked, onBought);
}

/** Compares a checked sheet with what was there before a run. Throws StorageError; changes nothing. */
export async function planRun(
  store: ObjectStore,
  run: RunRef,
  asked: SheetToPlan,
  onBought: OnBought = () => undefined,
): Promise<SubmissionPlan> {
  const { summary, merge } = asked;
  if (run.runSeq === 1) return firstPlan(asked);
  const counter = new PlanCounter();
  const buys = new ImageCounts();
  const mayMake = new ImageCounts();
  const tally = new SheetTally();
  const newIds = new NewIdsFinder();
  for await (const item of plannedItems(store, run, asked)) {
    counter.add(item);
    newIds.addPlanned(item);
    if (item.kind === 'sheet') tally.add(item.item);
    if (item.kind !== 'planned' || item.plan.kind !== 'run') continue;
    mayMake.add(item.row);
    if (item.plan.start.jobId) continue;
    buys.add(item.row);
    onBought(item.row);
  }
  if (summary.isRejects) await addRejects(newIds, store, run);
  return {
    runSeq: run.runSeq,
    summary: tally.summary(),
    merge,
    newIds: newIds.found(),
    buys: buys.list,
    mayMake: mayMake.list,
    ...counter.counts,
  };
}

/** All ids of a sheet whose batch is not there yet. */
async function newIdsOf({ sheet, sheetSettings, summary }: SheetToPlan): Promise<NewIds> {
  if (!summary.isFailures && !summary.isRejects) return NO_NEW_IDS;
  const newIds = new NewIdsFinder();
  for await (const item of readSheet(createReadStream(sheet.path), sheetSettings, sheet)) {
    newIds.addSheetItem(item);
  }
  return newIds.found();
}

/** What the batch has as rejected is not a new id either. */
async function addRejects(newIds: NewIdsFinder, store: ObjectStore, run: RunRef): Promise<void> {
  const { base, batch } = await beforeRun(store, run);
  if (!base || !batch) return;
  const idColumn = (batch.sheet.sheet.map.id ?? 'id').trim().toLowerCase();
  for await (const rejected of rejectsOf(store, base, batch)) newIds.addRejected(rejected, idColumn);
}

async function* plannedItems(
  store: ObjectStore,
  run: RunRef,
  { sheet, sheetSettings, merge }: SheetToPlan,
): AsyncGenerator<PlannedItem> {
  yield* plannedRows({
    store,
    run,
    before: await beforeRun(store, run),
    request: {
      action: 'submit',
      kinds: [],
      redo: [],
      merge,
      sheet: sheetSettings,
      sheetName: sheet.name,
    },
    openSheet: async () => createReadStream(sheet.path),
    inputs: sheet.inputs,
    signal: sheet.signal,
  });
}

/** The rows that a run of a checked sheet is to make, in their order, whether their images are bought or awaited. */
export async function* rowsOfRun(
  store: ObjectStore,
  run: RunRef,
  asked: SheetToPlan,
): AsyncGenerator<PromptRow> {
  for await (const item of plannedItems(store, run, asked)) {
    if (item.kind === 'planned' && item.plan.kind === 'run') yield item.row;
  }
}

/** The records of a checked sheet that are rejected: by its rules, and from the second run on by the names that the batch has. */
export async function* rejectedOfRun(
  asked: SheetToPlan,
  earlier: { readonly store: ObjectStore; readonly run: RunRef } | undefined,
): AsyncGenerator<RejectedRecord> {
  if (earlier && earlier.run.runSeq > 1) {
    for await (const item of plannedItems(earlier.store, earlier.run, asked)) {
      if (item.kind === 'sheet' && item.item.kind === 'rejected') yield item.item.rejected;
    }
    return;
  }
  const { sheet, sheetSettings } = asked;
  for await (const item of readSheet(createReadStream(sheet.path), sheetSettings, sheet)) {
    if (item.kind === 'rejected') yield item.rejected;
  }
}

/** The accepted rows of a checked sheet. */
export async function* rowsOfSheet({
  sheet,
  sheetSettings,
}: Pick<SheetToPlan, 'sheet' | 'sheetSettings'>): AsyncGenerator<PromptRow> {
  const items = readSheet(createReadStream(sheet.path), sheetSettings, sheet);
  for await (const item of items) if (item.kind === 'row') yield item.row;
}

/** The plan of a batch that is not there yet. */
export async function firstPlan(asked: SheetToPlan): Promise<SubmissionPlan> {
  const { summary } = asked;
  return {
    runSeq: 1,
    summary,
    merge: false,
    newIds: await newIdsOf(asked),
    buys: summary.images,
    mayMake: summary.images,
    ...new PlanCounter().counts,
    new: summary.rows,
  };
}

/** The first accepted rows of a checked sheet; reads no further. */
export async function firstRows(
  asked: Pick<SheetToPlan, 'sheet' | 'sheetSettings'>,
  count: number,
): Promise<readonly PromptRow[]> {
  const rows: PromptRow[] = [];
  if (count === 0) return rows;
  for await (const row of rowsOfSheet(asked)) if (rows.push(row) === count) break;
  return rows;
}

/** The number of the batch's newest run; 0 where it has none. */
export async function lastRunSeq(store: ObjectStore, location: BatchLocation): Promise<number> {
  let last = 0;
  for await (const folder of store.listFolders(location.bucket, runsPrefix(location))) {
    const number = Number(path.posix.basename(folder));
    if (Number.isSafeInteger(number)) last = Math.max(last, number);
  }
  return last;
}
