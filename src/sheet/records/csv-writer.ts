import { stringify } from 'csv-stringify/sync';
import { jsonAsText, type JsonValue } from '../../domain/text/json.js';
import { inputColumnOf, isJsonCellsColumn, isReportColumn } from '../../domain/rows/columns.js';

/** A record to write: cells by column name; absent and null cells are written empty. */
export type CsvCells = Readonly<Record<string, JsonValue | undefined>>;

const RECORDS_A_CHUNK = 200;

/**
 * A CSV text in chunks: byte-order mark (so that spreadsheets read UTF-8), the header, then the records, each line
 * ending in `\n`. Lists, objects, numbers and booleans are written as JSON text. `readSheet` reads back exactly what
 * was written: a `failure_json` or `reject_json` among `columns` is filled in here to mark the JSON cells.
 *
 * Cells are written unchanged, so that a file can be submitted again: one that starts with `=`, `+`, `-` or `@` is a
 * formula to a spreadsheet, which asks before it runs anything that reaches outside.
 */
export async function* csvChunks(
  columns: readonly string[],
  records: AsyncIterable<CsvCells> | Iterable<CsvCells>,
  delimiter: string,
): AsyncGenerator<string, void, undefined> {
  const write = (rows: readonly (readonly string[])[]): string => csvText(rows, delimiter);
  yield `\uFEFF${write([columns])}`;
  let rows: string[][] = [];
  for await (const record of records) {
    rows.push(cellsOf(record, columns));
    if (rows.length < RECORDS_A_CHUNK) continue;
    yield write(rows);
    rows = [];
  }
  if (rows.length > 0) yield write(rows);
}

/** Records of one length as CSV text, each line ending in `\n`. */
export function csvText(rows: readonly (readonly string[])[], delimiter: string): string {
  return stringify(
    rows.map((row) => [...row]),
    {
      delimiter,
      quote_record_delimiter: true,
      record_delimiter: '\n',
      // A single empty cell would be a blank line, which readers skip.
      quoted_empty: rows[0]?.length === 1,
    },
  );
}

function cellsOf(record: CsvCells, columns: readonly string[]): string[] {
  const value = (column: string): JsonValue | undefined =>
    Object.hasOwn(record, column) ? record[column] : undefined;
  if (!columns.some(isJsonCellsColumn)) return columns.map((column) => jsonAsText(value(column)));
  const own = columns.filter((column) => !isReportColumn(column));
  // Our columns are blank if absent, and users write text into them.
  const isBlank = (column: string): boolean =>
    inputColumnOf(column) !== undefined && (value(column) ?? undefined) === undefined;
  const noText = own.filter((column) => typeof value(column) !== 'string' && !isBlank(column));
  const names = noText.length === 0 ? '' : JSON.stringify(noText);
  return columns.map((column) => {
    if (isJsonCellsColumn(column)) return names;
    return value(column) === null && !isBlank(column) ? 'null' : jsonAsText(value(column));
  });
}
