import { givenAfter } from './given-cells.js';
import type { PromptRow } from '../../domain/rows/row.js';
import {
  planRow,
  selectedRows,
  type RowBefore,
  type RowPlan,
  type SelectedRows,
} from '../../domain/rows/row-plan.js';
import { readSheet, type InputImages, type SheetItem } from '../../sheet/index.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import type { RunRequest } from '../../ledger/documents.js';
import { joiningAs, underIdInBatch, underIdOf } from './former-ids.js';
import { JoiningNames } from './joining-names.js';
import { underPresentName, type ImageMove } from './present-name.js';
import { rowsBefore, type BeforeRun } from '../../ledger/previous-runs.js';
import { rowsAfterRun } from '../../ledger/run-rows.js';
import { RejectedStandIns, rowsThatStay, SheetPlaces } from './staying-rows.js';

/** What a run will do with a row of its batch. */
export interface PlannedRow {
  /** Its position counts the planned rows. */
  readonly row: PromptRow;
  readonly plan: RowPlan;
  /** How earlier runs left it; undefined for a new row. */
  readonly before: RowBefore | undefined;
  /** The row is as in the ledger: the run's sheet lacks it or has it rejected, or the run has no sheet. */
  readonly isKept: boolean;
  /** The copy that moves its image to the row's present name, already part of the plan; undefined if not needed. */
  readonly move: ImageMove | undefined;
}

export type PlannedItem =
  /** The sheet's items; each of its rows is planned as well. */
  | { readonly kind: 'sheet'; readonly item: SheetItem }
  | ({ readonly kind: 'planned' } & PlannedRow)
  /** A row of the batch that the sheet no longer has. */
  | { readonly kind: 'removed'; readonly before: RowBefore };

export interface RunToPlan {
  readonly store: ObjectStore;
  readonly run: RunRef;
  readonly request: Pick<RunRequest, 'action' | 'kinds' | 'redo' | 'merge' | 'sheet' | 'sheetName'>;
  readonly before: BeforeRun;
  /** The bytes of the run's sheet; not read by a retry or redo. */
  readonly openSheet: () => Promise<AsyncIterable<Uint8Array>>;
  /** The names of the sheet's rows if an earlier reading has collected them: saves another one. */
  readonly names?: JoiningNames | undefined;
  /** The local images that it names; undefined for none. */
  readonly inputs: InputImages | undefined;
  /** Aborts the reading of the sheet. */
  readonly signal: AbortSignal | undefined;
}

/**
 * What a run does with every row of its batch, in the batch's order: that of the sheet, or with a merge, retry or
 * redo that of the previous run, followed by new rows. Deterministic for a given ledger and request. Throws
 * StorageError, and SheetError as `readSheet` does.
 */
export async function* plannedRows(input: RunToPlan): AsyncGenerator<PlannedItem> {
  const { request, before } = input;
  const taken = selectedRows(request);
  if (request.action !== 'submit') yield* plannedLedger(input, taken);
  else if (request.merge && before.base) yield* plannedMerge(input, before.base, taken);
  else yield* plannedSheet(input, taken);
}

/** For rows that stay as they are. */
const NOTHING: SelectedRows = { kinds: new Set(), redo: new Set() };

async function* plannedSheet(input: RunToPlan, taken: SelectedRows): AsyncGenerator<PlannedItem> {
  const { store, before } = input;
  const left = await rowsBefore(store, before);
  const standIns = new RejectedStandIns();
  const places = new SheetPlaces();
  let position = 0;
  for await (const item of sheetItems(input)) {
    yield { kind: 'sheet', item };
    if (item.kind === 'rejected') standIns.add(item.stays);
    if (item.kind !== 'row') continue;
    position += 1;
    if (before.base) places.add(item.row);
    const row = underIdInBatch(item.row, (rowId) => left.get(rowId)?.outcome.contentHash);
    const known = left.get(row.rowId);
    left.delete(row.rowId);
    yield planned(input, row, known, { taken, isKept: false });
  }
  const stay = before.base
    ? await rowsThatStay({ store, base: before.base, lacks: left, standIns, places })
    : [];
  for (const { row: known, before: itsBefore } of stay) {
    left.delete(known.rowId);
    const row = { ...promptRowOf(known), position: position++ };
    yield planned(input, row, itsBefore, { taken: NOTHING, isKept: true });
  }
  for (const removed of left.values()) yield { kind: 'removed', before: removed };
}

async function* plannedMerge(
  input: RunToPlan,
  base: RunRef,
  taken: SelectedRows,
): AsyncGenerator<PlannedItem> {
  const refusedNames = await namesRefusedByKept(input, base);
  const joining = new Map<string, PromptRow>();
  let isFailures = false;
  for await (const item of sheetItems(input, refusedNames)) {
    yield { kind: 'sheet', item };
    if (item.kind === 'header') isFailures = item.header.isFailures;
    if (item.kind === 'row') joining.set(item.row.rowId, item.row);
  }
  let position = 0;
  for await (const { row: known, before } of rowsAfterRun(input.store, base)) {
    const joins = joiningAs(known, joining);
    if (joins) joining.delete(joins.rowId);
    const joined = joins && underIdOf(known, joins);
    const corrected = joined && isFailures ? { ...joined, ...givenAfter(known, joined) } : joined;
    const row = { ...(corrected ?? promptRowOf(known)), position: position++ };
    yield planned(input, row, before, { taken: joins ? taken : NOTHING, isKept: joins === undefined });
  }
  for (const joins of joining.values()) {
    const row = { ...joins, position: position++ };
    yield planned(input, row, undefined, { taken, isKept: false });
  }
}

async function* plannedLedger(input: RunToPlan, taken: SelectedRows): AsyncGenerator<PlannedItem> {
  const { store, before } = input;
  if (!before.base) return;
  for await (const { row, before: left } of rowsAfterRun(store, before.base)) {
    yield planned(input, promptRowOf(row), left, { taken, isKept: true });
  }
}

function planned(
  { run }: RunToPlan,
  row: PromptRow,
  before: RowBefore | undefined,
  { taken, isKept }: { readonly taken: SelectedRows; readonly isKept: boolean },
): PlannedItem {
  const { plan, move } = underPresentName(run, row, planRow(row, before, taken));
  return { kind: 'planned', row, before, plan, isKept, move };
}

async function* sheetItems(
  { request, openSheet, inputs, signal }: RunToPlan,
  refusedNames?: ReadonlyMap<number, string>,
): AsyncGenerator<SheetItem> {
  const source = { name: request.sheetName, inputs, signal };
  yield* readSheet(await openSheet(), request.sheet, source, refusedNames);
}

/** Why joining rows' names conflict with rows that stay, by the joining rows' lines. */
async function namesRefusedByKept(
  input: RunToPlan,
  base: RunRef,
): Promise<ReadonlyMap<number, string> | undefined> {
  const joining = input.names ?? (await namesIn(sheetItems(input)));
  // Names derived from ids differ as the ids do.
  if (!joining.hasChosen && !(input.before.batch?.hasNames ?? false)) return undefined;
  for await (const { row } of rowsAfterRun(input.store, base)) joining.meet(row);
  return joining.refused();
}

async function namesIn(items: AsyncIterable<SheetItem>): Promise<JoiningNames> {
  const names = new JoiningNames();
  for await (const item of items) if (item.kind === 'row') names.add(item.row);
  return names;
}

/** A row without the start from an earlier run. */
function promptRowOf(row: PromptRow): PromptRow {
  const { position, line, tableRow, rowId, contentHash, prompt, model, aspectRatio, resolution } = row;
  const { inputImages, imageName, labels, labelTexts, given } = row;
  return {
    position,
    line,
    ...(tableRow !== undefined && { tableRow }),
    rowId,
    contentHash,
    prompt,
    model,
    aspectRatio,
    resolution,
    inputImages,
    imageName,
    labels,
    ...(labelTexts && { labelTexts }),
    ...(given && { given }),
  };
}
