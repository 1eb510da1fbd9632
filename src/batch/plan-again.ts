import type { UnstoredKind } from '../domain/failure-kind.js';
import type { RowId } from '../domain/ids.js';
import { planRow, takenUpBy } from '../domain/row-plan.js';
import { UsageError } from '../errors.js';
import { Report, RunRequest } from '../ledger/documents.js';
import { listedInputs } from '../ledger/input-list.js';
import { plannedRows } from '../ledger/planned-rows.js';
import { beforeRun, type BeforeRun } from '../ledger/previous-runs.js';
import { readDocument, readDocumentIfAny } from '../ledger/read-document.js';
import { statesAfterRun } from '../ledger/run-rows.js';
import { at, reportKey, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { RunSettings } from '../domain/run-settings.js';
import { PlanCounter, type PlanCounts } from './plan-counts.js';
import { lastRunSeq } from './plan-submission.js';
import { ledgerRequest } from './run-request.js';

/** Which rows of a batch are to be made again. */
export type AskedAgain =
  /** No kinds: those that trying again may mend. */
  | { readonly action: 'retry'; readonly kinds: readonly UnstoredKind[] }
  | { readonly action: 'redo'; readonly rows: readonly RowId[] };

/** The next run of a batch over the rows that it has, before anything is done. */
export interface AgainPlan extends PlanCounts {
  readonly run: RunRef;
  readonly request: RunRequest;
  /** The run that was ended before its rows were known, and that this one repeats; undefined where this one is new. */
  readonly repeats: number | undefined;
  /** How the run before was set up, where that is known. */
  readonly settings: RunSettings | undefined;
  /** The batch is sealed as its newest run left it. */
  readonly isSealed: boolean;
  /** Of the rows that were named: those that the batch does not have. */
  readonly unknownRows: readonly RowId[];
}

/**
 * Plans a retry or redo from the bucket alone; undefined where it has no such batch. A run that was ended before its
 * rows were known is repeated instead, as it was asked for. `onRows` hears of every thousandth row. Throws a UsageError
 * where that would do something else than what is asked for, and StorageError; changes nothing.
 */
export async function planAgain(
  store: ObjectStore,
  location: BatchLocation,
  asked: AskedAgain,
  onRows: (rows: number) => void = () => undefined,
): Promise<AgainPlan | undefined> {
  const newest = await lastRunSeq(store, location);
  if (newest === 0) return undefined;
  const run = { ...location, runSeq: newest + 1 };
  const before = await beforeRun(store, run);
  const { request, repeats } = await requestOf(store, run, before, asked);
  const unknown = new Set<RowId>(request.redo);
  const counter = new PlanCounter();
  let rows = 0;
  const noteRow = (): void => {
    rows += 1;
    if (rows % 1000 === 0) onRows(rows);
  };
  if (request.action === 'submit') {
    const openSheet = () => store.read(at(run, request.sheetKey));
    const inputs = await listedInputs(store, run, request);
    for await (const item of plannedRows({ store, run, request, before, openSheet, inputs })) {
      counter.add(item);
      if (item.kind === 'planned') noteRow();
    }
  } else if (before.base) {
    const taken = takenUpBy(request);
    for await (const left of statesAfterRun(store, before.base)) {
      unknown.delete(left.outcome.rowId);
      counter.addPlan(planRow(left.outcome, left, taken), left, false);
      noteRow();
    }
  }
  const report = await readDocumentIfAny(store, at(run, reportKey(run)), Report);
  return {
    ...counter.counts,
    run,
    request: { ...request, rows: Math.max(rows, request.rows) },
    repeats,
    settings: request.settings ?? before.batch?.settings,
    isSealed: report?.runSeq === newest,
    unknownRows: [...unknown],
  };
}

async function requestOf(
  store: ObjectStore,
  run: RunRef,
  { batch }: BeforeRun,
  asked: AskedAgain,
): Promise<{ readonly request: RunRequest; readonly repeats: number | undefined }> {
  const newest = run.runSeq - 1;
  const last = await readDocument(store, at(run, requestKey(run, newest)), RunRequest);
  const isUnread = batch?.runSeq !== newest;
  if (asked.action === 'retry') {
    if (!isUnread)
      return { request: newRequest(last, { action: 'retry', kinds: asked.kinds }), repeats: undefined };
    if (asked.kinds.length === 0) return { request: last, repeats: newest };
    if (last.action === 'retry') return { request: { ...last, kinds: [...asked.kinds] }, repeats: newest };
    throw unreadFirst(run, '--kind');
  }
  const redo = { action: 'redo', redo: asked.rows } as const;
  if (!isUnread) return { request: newRequest(last, redo), repeats: undefined };
  const names = new Set(asked.rows);
  if (last.action === 'redo' && last.redo.every((rowId) => names.has(rowId))) {
    return { request: newRequest(last, redo), repeats: newest };
  }
  throw unreadFirst(run, 'redo');
}

function newRequest(
  last: RunRequest,
  asked:
    | { readonly action: 'retry'; readonly kinds: readonly UnstoredKind[] }
    | { readonly action: 'redo'; readonly redo: readonly RowId[] },
): RunRequest {
  const names =
    asked.action === 'retry' ? { kinds: [...asked.kinds], redo: [] } : { kinds: [], redo: [...asked.redo] };
  return ledgerRequest(last, { action: asked.action, rows: 0, ...names });
}

function unreadFirst({ batchId, runSeq }: RunRef, what: string): UsageError {
  return new UsageError(
    `Run ${runSeq - 1} of "${batchId}" was ended before its rows were known, so ${what} has nothing to choose from. First let it be repeated: banana-batch retry ${batchId}`,
  );
}
