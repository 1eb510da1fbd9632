import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { planRow, type RowPlan } from '../domain/row-plan.js';
import { MAX_BATCH_ROWS } from '../domain/window.js';
import { UsageError } from '../errors.js';
import { outcomesBefore } from '../ledger/previous-runs.js';
import { readSheet, summarizeSheet, type SheetSettings, type SheetSummary } from '../sheet/index.js';
import { runsPrefix, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';

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
export interface SubmissionPlan {
  readonly runSeq: number;
  readonly summary: SheetSummary;
  readonly new: number;
  readonly changed: number;
  /** Rows that ended without an image and would be tried again. */
  readonly again: number;
  readonly unchanged: number;
  /** Rows of the last run that the sheet no longer has. */
  readonly removed: number;
}

/**
 * Reads the whole sheet; `onRow` hears of every thousandth row. Throws SheetError where it cannot be trusted, and a
 * UsageError where it is too long for one batch.
 */
export async function checkSheet(
  sheet: SheetFile,
  settings: SheetSettings,
  onRow: (rows: number) => void = () => undefined,
): Promise<SheetSummary> {
  const summary = await summarizeSheet(createReadStream(sheet.path), settings, { name: sheet.name }, onRow);
  if (summary.rows > MAX_BATCH_ROWS) {
    throw new UsageError(
      `${sheet.name} makes ${summary.rows} images; a batch takes ${MAX_BATCH_ROWS}. Split the sheet and give each part its own --id.`,
    );
  }
  return summary;
}

/** Compares a checked sheet with what the batch's earlier runs left. Throws StorageError; changes nothing. */
export async function planSubmission(
  store: ObjectStore,
  location: BatchLocation,
  sheet: SheetFile,
  settings: SheetSettings,
  summary: SheetSummary,
): Promise<SubmissionPlan> {
  const runSeq = (await lastRunSeq(store, location)) + 1;
  return planRun(store, { ...location, runSeq }, sheet, settings, summary);
}

/** Compares a checked sheet with what was there before a run. Throws StorageError; changes nothing. */
export async function planRun(
  store: ObjectStore,
  run: RunRef,
  sheet: SheetFile,
  settings: SheetSettings,
  summary: SheetSummary,
): Promise<SubmissionPlan> {
  if (run.runSeq === 1) return firstPlan(summary);
  const before = await outcomesBefore(store, run);
  const counts = { new: 0, changed: 0, again: 0, unchanged: 0 };
  let kept = 0;
  for await (const item of readSheet(createReadStream(sheet.path), settings, { name: sheet.name })) {
    if (item.kind !== 'row') continue;
    const previous = before.get(item.row.rowId);
    if (previous) kept += 1;
    counts[changeOf(planRow(item.row, previous))] += 1;
  }
  return { runSeq: run.runSeq, summary, ...counts, removed: before.size - kept };
}

/** The plan of a batch that is not there yet. */
export function firstPlan(summary: SheetSummary): SubmissionPlan {
  return { runSeq: 1, summary, new: summary.rows, changed: 0, again: 0, unchanged: 0, removed: 0 };
}

function changeOf(plan: RowPlan): 'new' | 'changed' | 'again' | 'unchanged' {
  return plan.kind === 'carry' ? 'unchanged' : plan.change;
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
