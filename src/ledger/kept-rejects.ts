import { parse } from 'csv-parse';
import { z } from 'zod';
import type { RejectedRecord, SkippedRecord, LeftOutRecord } from '../domain/rows/row.js';
import { isReportColumn, INPUT_COLUMNS } from '../domain/rows/columns.js';
import type { CsvCells } from '../sheet/index.js';
import { at, rejectsKey, rejectsLedgerKey, skippedKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { BatchFile } from './documents.js';
import { readJsonLines } from './files/json-lines.js';

/** The rejected records of a run, new and kept. A run of an older version has them only in `rejects.csv`. */
export async function* rejectsOf(
  store: Pick<ObjectStore, 'head' | 'read' | 'readText'>,
  run: RunRef,
  { delimiter }: Pick<BatchFile, 'delimiter'>,
): AsyncGenerator<RejectedRecord> {
  const key = rejectsLedgerKey(run, run.runSeq);
  if (await store.head(at(run, key))) {
    yield* readJsonLines(await store.read(at(run, key)), RejectedLine, key);
    return;
  }
  if (await store.head(at(run, rejectsKey(run)))) yield* rejectsOfCsv(store, run, delimiter);
}

/** The cells of a rejected record in `rejects.csv`. */
export function rejectCells(rejected: RejectedRecord): CsvCells {
  const { line, tableRow = line, column, value, rule, record } = rejected;
  return {
    ...record,
    reject_line: line,
    reject_column: column,
    reject_value: value,
    reject_rule: rule,
    reject_row: tableRow,
  };
}

/** The records that a run left out as duplicates, new and kept. */
export async function* skippedOf(
  store: Pick<ObjectStore, 'head' | 'read'>,
  run: RunRef,
): AsyncGenerator<SkippedRecord> {
  const key = skippedKey(run, run.runSeq);
  if (!(await store.head(at(run, key)))) return;
  yield* readJsonLines(await store.read(at(run, key)), SkippedLine, key);
}

const Cells = z.record(z.string(), z.string());

async function* rejectsOfCsv(
  store: Pick<ObjectStore, 'readText'>,
  run: RunRef,
  delimiter: string,
): AsyncGenerator<RejectedRecord> {
  const text = await store.readText(at(run, rejectsKey(run)));
  const parser = parse(text, { columns: true, bom: true, delimiter, relax_column_count: true });
  for await (const record of parser) {
    const cells = Cells.parse(record);
    const line = Number(cells['reject_line'] ?? 0);
    const tableRow = Number(cells['reject_row'] ?? line);
    yield {
      line,
      ...(tableRow !== line && { tableRow }),
      column: cells['reject_column'] ?? '',
      value: cells['reject_value'] ?? '',
      rule: cells['reject_rule'] ?? '',
      record: Object.fromEntries(Object.entries(cells).filter(([name]) => !isReportColumn(name))),
    };
  }
}

const count = z.int().min(0);

const leftOut = {
  line: count,
  tableRow: count.exactOptional(),
  place: count.optional(),
  record: z.record(z.string(), z.json()),
  texts: z.record(z.string(), z.string()).exactOptional(),
  ours: z.partialRecord(z.enum(INPUT_COLUMNS), z.string()).exactOptional(),
} satisfies Record<keyof LeftOutRecord, z.ZodType>;

/** A line of `runs/<runSeq>/rejects.jsonl`. */
export const RejectedLine: z.ZodType<RejectedRecord> = z.object({
  ...leftOut,
  column: z.string(),
  value: z.string(),
  rule: z.string(),
});

/** A line of `runs/<runSeq>/skipped.jsonl`. */
const SkippedLine: z.ZodType<SkippedRecord> = z.object({
  ...leftOut,
  repeatOf: count,
  repeatOfRow: count.exactOptional(),
});
