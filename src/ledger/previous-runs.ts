import path from 'node:path';
import type { RowBefore } from '../domain/rows/row-plan.js';
import {
  at,
  batchFileKey,
  carriedKey,
  type RunRef,
  runsPrefix,
  type BatchLocation,
} from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { BatchFile } from './documents.js';
import { readDocumentIfAny } from './files/read-document.js';
import { rowsAfterRun, statesAfterRun } from './run-rows.js';

/** The state before a run. */
export interface BeforeRun {
  /** The newest earlier run with known rows: nothing later has touched a row. Undefined if there is none. */
  readonly base: RunRef | undefined;
  /** The result of the newest ingest, including this run's own; undefined before the first. */
  readonly batch: BatchFile | undefined;
}

/** Finds the run that another one continues from. Throws StorageError. */
export async function beforeRun(store: ObjectStore, run: RunRef): Promise<BeforeRun> {
  const batch = await readDocumentIfAny(store, at(run, batchFileKey(run)), BatchFile);
  const runSeq = batch ? await baseOf(store, run, batch) : 0;
  return { batch, base: runSeq === 0 ? undefined : { ...run, runSeq } };
}

async function baseOf(store: ObjectStore, run: RunRef, batch: BatchFile): Promise<number> {
  if (batch.runSeq < run.runSeq) return batch.runSeq;
  if (batch.runSeq === run.runSeq && batch.base !== undefined) return batch.base;
  let runSeq = run.runSeq - 1;
  while (runSeq >= 1 && !(await store.head(at(run, carriedKey(run, runSeq))))) runSeq -= 1;
  return runSeq;
}

/** How the batch's earlier runs left its rows, with their names, by row id. Throws StorageError. */
export async function rowsBefore(
  store: ObjectStore,
  { base, batch }: BeforeRun,
): Promise<Map<string, RowBefore>> {
  const rows = new Map<string, RowBefore>();
  if (!base) return rows;
  // Sealed outcomes are read far faster than the rows, but lack the names of rows without an image.
  if (batch?.hasNames) {
    for await (const { before } of rowsAfterRun(store, base)) rows.set(before.outcome.rowId, before);
  } else {
    for await (const before of statesAfterRun(store, base)) rows.set(before.outcome.rowId, before);
  }
  return rows;
}

/** The number of the batch's newest run; 0 if it has none. */
export async function lastRunSeq(store: ObjectStore, location: BatchLocation): Promise<number> {
  let last = 0;
  for await (const folder of store.listFolders(location.bucket, runsPrefix(location))) {
    const number = Number(path.posix.basename(folder));
    if (Number.isSafeInteger(number)) last = Math.max(last, number);
  }
  return last;
}
