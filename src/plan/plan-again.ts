import type { UnstoredKind } from '../domain/rows/failure-kind.js';
import { ImageCounts, type ImagesOfKind } from '../domain/money/image-counts.js';
import type { RowId } from '../domain/rows/ids.js';
import type { PromptRow } from '../domain/rows/row.js';
import { planRow, selectedRows, type RowBefore, type RowPlan } from '../domain/rows/row-plan.js';
import { UsageError } from '../errors.js';
import { Report, RunRequest } from '../ledger/documents.js';
import { listedInputs } from '../ledger/input-list.js';
import { plannedRows } from './rows/planned-rows.js';
import { beforeRun, type BeforeRun, lastRunSeq } from '../ledger/previous-runs.js';
import { readDocument, readDocumentIfAny } from '../ledger/files/read-document.js';
import { rowsAfterRun, statesAfterRun } from '../ledger/run-rows.js';
import { at, reportKey, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { RunSettings } from '../domain/batch/run-settings.js';
import { PlanCounter, type PlanCounts } from './plan-counts.js';
import { ledgerRequest } from './run-request.js';

/** Which rows of a batch to make again. */
export type RerunRequest =
  /** Without kinds: those that a retry may fix. */
  | { readonly action: 'retry'; readonly kinds: readonly UnstoredKind[] }
  | { readonly action: 'redo'; readonly rows: readonly RowId[] };

/** The plan of a batch's next run over its existing rows; nothing is changed yet. */
export interface AgainPlan extends PlanCounts {
  readonly run: RunRef;
  readonly request: RunRequest;
  /** The images to buy, and those including rows with known jobs; undefined if not requested. */
  readonly purchase:
    | { readonly buys: readonly ImagesOfKind[]; readonly mayMake: readonly ImagesOfKind[] }
    | undefined;
  /** The number of the run that was ended before its rows were known and that this one repeats; undefined if this one is new. */
  readonly repeats: number | undefined;
  /** The settings of the previous run, if known. */
  readonly settings: RunSettings | undefined;
  /** The batch is sealed with the result of its newest run. */
  readonly isSealed: boolean;
}

export interface PlanAgainOptions {
  /** Called for every thousandth row. */
  readonly onRows?: (rows: number) => void;
  /** Compute `purchase`, which requires reading every row. Default false. */
  readonly withKinds?: boolean;
  /** Aborts the reading of a sheet, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Plans a retry or redo from the bucket alone; undefined if it has no such batch. A run that was ended before its
 * rows were known is repeated instead, with its own request. Throws a UsageError if that differs from the present
 * request, and StorageError; changes nothing.
 */
export async function planAgain(
  store: ObjectStore,
  location: BatchLocation,
  rerun: RerunRequest,
  { onRows = () => undefined, withKinds = false, signal }: PlanAgainOptions = {},
): Promise<AgainPlan | undefined> {
  const newest = await lastRunSeq(store, location);
  if (newest === 0) return undefined;
  const run = { ...location, runSeq: newest + 1 };
  const before = await beforeRun(store, run);
  const { request, repeats } = await requestOf(store, run, before, rerun);
  const counter = new PlanCounter();
  const buys = new ImageCounts();
  const mayMake = new ImageCounts();
  const noteKind = (row: PromptRow, plan: RowPlan): void => {
    if (plan.kind !== 'run') return;
    mayMake.add(row);
    if (!plan.start.jobId) buys.add(row);
  };
  let rows = 0;
  const noteRow = (): void => {
    rows += 1;
    if (rows % 1000 === 0) onRows(rows);
  };
  if (request.action === 'submit') {
    const openSheet = () => store.read(at(run, request.sheetKey), signal);
    const inputs = await listedInputs(store, run, request);
    for await (const item of plannedRows({ store, run, request, before, openSheet, inputs, signal })) {
      counter.add(item);
      if (item.kind !== 'planned') continue;
      noteKind(item.row, item.plan);
      noteRow();
    }
  } else if (before.base) {
    const taken = selectedRows(request);
    for await (const { row, before: left } of leftBy(store, before.base, withKinds)) {
      const plan = planRow(left.outcome, left, taken);
      counter.addPlan(plan, left, false);
      if (row) noteKind(row, plan);
      noteRow();
    }
  }
  const report = await readDocumentIfAny(store, at(run, reportKey(run)), Report);
  return {
    ...counter.counts,
    run,
    request: { ...request, rows: Math.max(rows, request.rows) },
    purchase: withKinds ? { buys: buys.list, mayMake: mayMake.list } : undefined,
    repeats,
    settings: request.settings ?? before.batch?.settings,
    isSealed: report?.runSeq === newest,
  };
}

/** Includes the rows if their kinds are needed: sealed outcomes alone are read far faster. */
async function* leftBy(
  store: ObjectStore,
  base: RunRef,
  withKinds: boolean,
): AsyncGenerator<{ readonly row?: PromptRow; readonly before: RowBefore }> {
  if (withKinds) yield* rowsAfterRun(store, base);
  else for await (const before of statesAfterRun(store, base)) yield { before };
}

async function requestOf(
  store: ObjectStore,
  run: RunRef,
  { batch }: BeforeRun,
  rerun: RerunRequest,
): Promise<{ readonly request: RunRequest; readonly repeats: number | undefined }> {
  const newest = run.runSeq - 1;
  const last = await readDocument(store, at(run, requestKey(run, newest)), RunRequest);
  const isUnread = batch?.runSeq !== newest;
  if (rerun.action === 'retry') {
    if (!isUnread)
      return { request: newRequest(last, { action: 'retry', kinds: rerun.kinds }), repeats: undefined };
    if (rerun.kinds.length === 0) return { request: last, repeats: newest };
    if (last.action === 'retry') return { request: { ...last, kinds: [...rerun.kinds] }, repeats: newest };
    throw unreadFirst(run, '--kind');
  }
  const redo = { action: 'redo', redo: rerun.rows } as const;
  if (!isUnread) return { request: newRequest(last, redo), repeats: undefined };
  const names = new Set(rerun.rows);
  if (last.action === 'redo' && last.redo.every((rowId) => names.has(rowId))) {
    return { request: newRequest(last, redo), repeats: newest };
  }
  throw unreadFirst(run, 'redo');
}

function newRequest(
  last: RunRequest,
  rerun:
    | { readonly action: 'retry'; readonly kinds: readonly UnstoredKind[] }
    | { readonly action: 'redo'; readonly redo: readonly RowId[] },
): RunRequest {
  const names =
    rerun.action === 'retry' ? { kinds: [...rerun.kinds], redo: [] } : { kinds: [], redo: [...rerun.redo] };
  return ledgerRequest(last, { action: rerun.action, rows: 0, ...names });
}

function unreadFirst({ batchId, runSeq }: RunRef, what: string): UsageError {
  return new UsageError(
    `Run ${runSeq - 1} of "${batchId}" was terminated before its rows were read, so ${what} cannot be used yet. Repeat the run first: banana-batch retry ${batchId}`,
  );
}
