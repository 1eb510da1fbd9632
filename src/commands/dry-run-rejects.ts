import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { isReportColumn, REJECT_COLUMNS } from '../domain/reserved-columns.js';
import type { RejectedRecord } from '../domain/row.js';
import { csvChunks, type CsvCells } from '../sheet/index.js';

/** Where a dry run lists all that it would reject. */
export function rejectsAdvice(file: string | undefined): string {
  return file === undefined
    ? 'list them all with --json, or with --rejects FILE'
    : `all are listed in ${file}`;
}

/** Why a dry run's record would be rejected; scripts rely on it. */
export type ShownReject = Pick<RejectedRecord, 'line' | 'column' | 'value' | 'rule'>;

/** Every record that would be rejected, for a dry run's document. */
export async function shownRejects(records: AsyncIterable<RejectedRecord>): Promise<readonly ShownReject[]> {
  const rejects: ShownReject[] = [];
  for await (const { line, column, value, rule } of records) rejects.push({ line, column, value, rule });
  return rejects;
}

/** Writes a dry run's rejected records as the batch would have them in its rejects.csv; `records` is read twice. */
export async function writeRejects(
  file: string,
  records: () => AsyncIterable<RejectedRecord>,
  { columns, delimiter }: { readonly columns: readonly string[]; readonly delimiter: string },
): Promise<void> {
  const filled = new Set(columns);
  for await (const { record } of records()) {
    for (const [name, cell] of Object.entries(record)) if (cell !== '') filled.add(name);
  }
  const own = [...filled].filter((name) => !isReportColumn(name));
  await pipeline(
    csvChunks([...own, ...REJECT_COLUMNS], cellsOf(records()), delimiter),
    createWriteStream(file, 'utf8'),
  );
}

async function* cellsOf(records: AsyncIterable<RejectedRecord>): AsyncGenerator<CsvCells> {
  for await (const { record, line, column, value, rule } of records) {
    yield { ...record, reject_line: line, reject_column: column, reject_value: value, reject_rule: rule };
  }
}
