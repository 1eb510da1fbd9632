import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { MAX_BATCH_ROWS } from '../domain/window.js';
import { UsageError } from '../errors.js';
import { plannedRows } from '../ledger/planned-rows.js';
import { beforeRun } from '../ledger/previous-runs.js';
import { summarizeSheet, type SheetSettings, type SheetSummary } from '../sheet/index.js';
import { runsPrefix, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { PlanCounter, type PlanCounts } from './plan-counts.js';

/** A sheet on the local disk, whole, as it was given. */
export interface SheetFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** What it was given as: tells the format by its extension. */
  readonly name: string;
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
  readonly summary: SheetSummary;
  /** Rows that the sheet lacks stay. */
  readonly merge: boolean;
}

/**
 * Reads the whole sheet, unless it is too long; `onRow` hears of every thousandth row. Throws SheetError where it cannot be trusted, and a
 * UsageError where it is too long for one batch.
 */
export async function checkSheet(
  sheet: SheetFile,
  settings: SheetSettings,
  onRow: (rows: number) => void = () => undefined,
): Promise<SheetSummary> {
  const refuseTooLong = (rows: number): void => {
    if (rows <= MAX_BATCH_ROWS) return;
    throw new UsageError(
      `${sheet.name} makes more than ${MAX_BATCH_ROWS} images, the most that a batch takes. Split the sheet and give each part its own --id.`,
    );
  };
  const bytes = createReadStream(sheet.path);
  const summary = await summarizeSheet(bytes, settings, { name: sheet.name }, (rows) => {
    // Not at the end only: a small packed sheet may have any number of rows, and their ids are kept in memory.
    refuseTooLong(rows);
    onRow(rows);
  });
  refuseTooLong(summary.rows);
  return summary;
}

/** A checked sheet and how it is to become a batch, or a part of one. */
export interface SheetToPlan {
  readonly sheet: SheetFile;
  readonly sheetSettings: SheetSettings;
  readonly summary: SheetSummary;
  readonly merge: boolean;
}

/** Compares a checked sheet with what the batch's earlier runs left. Throws StorageError; changes nothing. */
export async function planSubmission(
  store: ObjectStore,
  location: BatchLocation,
  asked: SheetToPlan,
): Promise<SubmissionPlan> {
  const runSeq = (await lastRunSeq(store, location)) + 1;
  return planRun(store, { ...location, runSeq }, asked);
}

/** Compares a checked sheet with what was there before a run. Throws StorageError; changes nothing. */
export async function planRun(store: ObjectStore, run: RunRef, asked: SheetToPlan): Promise<SubmissionPlan> {
  const { sheet, sheetSettings, summary, merge } = asked;
  if (run.runSeq === 1) return firstPlan(summary);
  const counter = new PlanCounter();
  const items = plannedRows({
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
  });
  for await (const item of items) counter.add(item);
  return { runSeq: run.runSeq, summary, merge, ...counter.counts };
}

/** The plan of a batch that is not there yet. */
export function firstPlan(summary: SheetSummary): SubmissionPlan {
  return { runSeq: 1, summary, merge: false, ...new PlanCounter().counts, new: summary.rows };
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
