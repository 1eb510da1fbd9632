import { isReportColumn } from '../domain/rows/columns.js';
import type { PromptRow, Repeat, SkippedRecord } from '../domain/rows/row.js';
import type { SheetColumn } from '../domain/rows/sheet-column.js';
import { recordChecker, type OwnIdentity, type RejectedItem } from './rows/check.js';
import { columnPlanner, type ColumnPlanner } from './cells/columns.js';
import type { SheetColumns } from './cells/sheet-columns.js';
import { decodeSheet } from './text/decode.js';
import { detectDialect, type Dialect, type SheetHead, type SheetFormat } from './records/dialect.js';
import { inputReferences, type SheetSource } from './rows/input-images.js';
import { withJsonCells } from './records/json-cells.js';
import { parseCsv } from './records/parse-csv.js';
import { parseJsonLines, parseLines } from './records/parse-json-lines.js';
import type { SourceRecord } from './source-record.js';
import { SheetError, sheetLabel } from './sheet-error.js';
import type { SheetSettings } from './sheet-settings.js';
import { unpacked } from './text/unpack.js';
import { brokenTextRule } from './cells/whole-text.js';

/** The properties of a sheet before its first record. */
export interface SheetHeader {
  readonly format: SheetFormat;
  /** Of the sheet and of the files that we write about it; a comma for JSON Lines. */
  readonly delimiter: string;
  /** The sheet's own columns in order, without unnamed ones; for JSON Lines the keys of its first records. */
  readonly columns: readonly string[];
  /** The same with unnamed ones, and without those that our own reports add. */
  readonly sheetColumns: readonly SheetColumn[];
  /** Those of them that are carried along. */
  readonly labelColumns: readonly string[];
  /** The sheet is our own failures.csv: a part of a batch, with final ids and prompts. */
  readonly isFailures: boolean;
  /** The sheet is our own rejects.csv: records that broke a rule, unchanged. */
  readonly isRejects: boolean;
}

export type SheetItem =
  | { readonly kind: 'header'; readonly header: SheetHeader }
  | ({ readonly kind: 'row'; readonly row: PromptRow; readonly own: OwnIdentity } & Partial<Repeat>)
  /** A record that is left out because it is identical to an earlier one. */
  | { readonly kind: 'skipped'; readonly skipped: SkippedRecord }
  /** Empty records, which are left out. */
  | { readonly kind: 'blank'; readonly records: number }
  | RejectedItem;

/** How much text is used to detect delimiter, format and the columns of JSON Lines. */
const HEAD_CHARACTERS = 64 * 1024;

/**
 * A sheet's header, then its records as checked rows and rejections in sheet order; deterministic for the same bytes,
 * settings and input images. Streams: memory holds one piece of text and the row ids.
 *
 * `refusedNames`: rules that images' names break for reasons outside of the sheet, by the lines of their records.
 *
 * Throws the reason of the source's `signal`, and SheetError if the sheet cannot be trusted as a whole. An error may
 * be anywhere, so read all of it (`checkSheet`) before anything is bought. A sheet with only rejected records is no
 * error.
 */
export async function* readSheet(
  bytes: AsyncIterable<Uint8Array>,
  settings: SheetSettings,
  source: SheetSource,
  refusedNames?: ReadonlyMap<number, string>,
): AsyncGenerator<SheetItem, void, undefined> {
  const sheet = sheetLabel(source.name);
  const planner = columnPlanner(settings, sheet);
  const pieces = decodeSheet(heeding(unpacked(bytes, sheet), source.signal), settings.encoding, sheet);
  try {
    const head = await readHead(pieces);
    const dialect = detectDialect(head, settings, source);
    const text = rejoined(head.text, pieces);
    const records =
      dialect.format === 'jsonl'
        ? jsonRecords(text, head.text, planner, sheet)
        : csvRecords(text, dialect, planner, sheet);
    const check = recordChecker(settings, sheet, { refusedNames, inputs: source.inputs });
    let isEmpty = true;
    for await (const batch of records) {
      if (batch.kind === 'header') {
        yield { kind: 'header', header: headerOf(dialect, batch.columns) };
        continue;
      }
      await source.inputs?.prepare(batch.records.flatMap(inputReferences));
      let { blank } = batch;
      for (const { record, columns } of batch.records) {
        const checked = check(record, columns);
        if (checked.kind === 'blank') {
          blank += 1;
          continue;
        }
        isEmpty = false;
        if (checked.kind !== 'accepted') {
          yield checked;
          continue;
        }
        const { rows, ...facts } = checked;
        for (const row of rows) yield { ...facts, kind: 'row', row };
      }
      if (blank > 0) yield { kind: 'blank', records: blank };
    }
    if (isEmpty) throw noRows(sheet, dialect);
  } finally {
    await pieces.return();
  }
}

/** Checks the signal at each piece of bytes, since blank lines give no items. */
async function* heeding(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    signal?.throwIfAborted();
    yield piece;
  }
}

interface PlannedRecord {
  readonly record: SourceRecord;
  readonly columns: SheetColumns;
}

type Batch =
  | { readonly kind: 'header'; readonly columns: SheetColumns }
  | { readonly kind: 'records'; readonly records: readonly PlannedRecord[]; readonly blank: number };

async function* csvRecords(
  text: AsyncIterable<string>,
  dialect: Dialect,
  planner: ColumnPlanner,
  sheet: string,
): AsyncGenerator<Batch> {
  let columns: SheetColumns | undefined;
  for await (const { records: batch, blank } of parseCsv(text, dialect, sheet)) {
    const records: PlannedRecord[] = [];
    for (const record of batch) {
      if (columns === undefined) {
        const { line, tableRow } = record;
        columns = planner(record.values, { sheet, line, tableRow }, true);
        yield { kind: 'header', columns };
      } else {
        records.push({ record: withJsonCells(record, columns), columns });
      }
    }
    yield { kind: 'records', records, blank };
  }
}

async function* jsonRecords(
  text: AsyncIterable<string>,
  head: string,
  planner: ColumnPlanner,
  sheet: string,
): AsyncGenerator<Batch> {
  const first = parseLines(head, 1, sheet).records;
  // Records may spell a key in different letter cases; the first spelling is used for all.
  const spellings = new Map<string, string>();
  for (const key of first.flatMap((record) => record.keys)) {
    // Its records are rejected individually.
    if (brokenTextRule(key) !== undefined) continue;
    const folded = key.trim().toLowerCase();
    if (!spellings.has(folded)) spellings.set(folded, key);
  }
  const firstLine = first[0]?.line;
  if (firstLine === undefined) return;
  yield { kind: 'header', columns: planner([...spellings.values()], { sheet, line: firstLine }, true) };

  let planned: { readonly keys: readonly string[]; readonly columns: SheetColumns } | undefined;
  for await (const batch of parseJsonLines(text, sheet)) {
    const records: PlannedRecord[] = [];
    for (const record of batch) {
      if (planned === undefined || !sameKeys(planned.keys, record.keys)) {
        const columns = planner(record.keys, { sheet, line: record.line }, false);
        planned = { keys: record.keys, columns };
      }
      records.push({ record, columns: planned.columns });
    }
    yield { kind: 'records', records, blank: 0 };
  }
}

function sameKeys(first: readonly string[], second: readonly string[]): boolean {
  return first.length === second.length && first.every((key, index) => key === second[index]);
}

async function readHead(pieces: AsyncGenerator<string>): Promise<SheetHead> {
  let text = '';
  while (text.length < HEAD_CHARACTERS) {
    const next = await pieces.next();
    if (next.done === true) return { text, isWhole: true };
    text += next.value;
  }
  return { text, isWhole: false };
}

async function* rejoined(head: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (head !== '') yield head;
  yield* rest;
}

function headerOf(dialect: Dialect, columns: SheetColumns): SheetHeader {
  const unnamed = new Set(columns.labels.filter((label) => label.isUnnamed).map((label) => label.index));
  return {
    format: dialect.format,
    delimiter: dialect.delimiter,
    columns: columns.names.filter((_, index) => !unnamed.has(index)),
    sheetColumns: sheetColumnsOf(columns, unnamed),
    labelColumns: columns.labels.filter((label) => !label.isUnnamed).map((label) => label.name),
    isFailures: columns.isFailures,
    isRejects: columns.isRejects,
  };
}

function sheetColumnsOf(columns: SheetColumns, unnamed: ReadonlySet<number>): readonly SheetColumn[] {
  const ours = new Map([...columns.ours].map(([column, index]) => [index, column]));
  return columns.names.flatMap((name, index): SheetColumn[] => {
    const column = ours.get(index);
    if (column === undefined && isReportColumn(name)) return [];
    return [{ name, ...(unnamed.has(index) && { title: '' }), ...(column && { ours: column }) }];
  });
}

function noRows(sheet: string, dialect: Dialect): SheetError {
  const expected =
    dialect.format === 'jsonl'
      ? 'Expected one JSON object per line, such as {"prompt": "a red fox"}'
      : 'Expected a header line with a "prompt" column and at least one row below it';
  return new SheetError('no-rows', { sheet }, `it has no rows. ${expected}`);
}
