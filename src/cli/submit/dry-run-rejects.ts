import { createReadStream, createWriteStream } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { isReportColumn, REJECT_COLUMNS } from '../../domain/rows/columns.js';
import type { RejectedRecord } from '../../domain/rows/row.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import { rejectCells, RejectedLine } from '../../ledger/kept-rejects.js';
import { csvChunks, type CsvCells } from '../../sheet/index.js';

/** Where a dry run lists everything that it would reject. */
export function rejectsAdvice(file: string | undefined): string {
  return file === undefined
    ? 'list them all with --json, or with --rejects FILE'
    : `all are listed in ${file}`;
}

const WRITTEN_AT_ONCE = 1000;

/** The rejected records of one reading of a sheet, in a temporary file: there may be a million of them. */
export class RejectedRecords {
  readonly #path: string;
  readonly #columns = new Set<string>();
  #lines: string[] = [];
  #isEmpty = true;

  /** `path` names a file that does not exist yet; the caller removes its folder. */
  constructor(path: string) {
    this.#path = path;
  }

  /** The non-empty columns, in order of appearance. */
  get columns(): readonly string[] {
    return [...this.#columns];
  }

  async add(rejected: RejectedRecord): Promise<void> {
    for (const [name, cell] of Object.entries(rejected.record)) if (cell !== '') this.#columns.add(name);
    this.#lines.push(`${JSON.stringify(rejected)}\n`);
    this.#isEmpty = false;
    if (this.#lines.length === WRITTEN_AT_ONCE) await this.#flush();
  }

  /** All that were added, in order. */
  async *all(): AsyncGenerator<RejectedRecord> {
    if (this.#isEmpty) return;
    await this.#flush();
    yield* readJsonLines(createReadStream(this.#path), RejectedLine, this.#path);
  }

  async #flush(): Promise<void> {
    await appendFile(this.#path, this.#lines.join(''));
    this.#lines = [];
  }
}

/** Why a dry run would reject a record; scripts rely on it. `row` is the row number in the table, or the line if there is no other. */
export type ShownReject = Pick<RejectedRecord, 'line' | 'column' | 'value' | 'rule'> & {
  readonly row: number;
};

/** Every record that would be rejected, for a dry run's JSON document. */
export async function shownRejects(rejected: RejectedRecords): Promise<readonly ShownReject[]> {
  const rejects: ShownReject[] = [];
  for await (const { line, tableRow: row = line, column, value, rule } of rejected.all())
    rejects.push({ line, row, column, value, rule });
  return rejects;
}

/** Writes a dry run's rejected records in the form of the batch's rejects.csv. */
export async function writeRejects(
  file: string,
  rejected: RejectedRecords,
  { columns, delimiter }: { readonly columns: readonly string[]; readonly delimiter: string },
): Promise<void> {
  const own = [...new Set([...columns, ...rejected.columns])].filter((name) => !isReportColumn(name));
  await pipeline(
    csvChunks([...own, ...REJECT_COLUMNS], cellsOf(rejected.all()), delimiter),
    createWriteStream(file, 'utf8'),
  );
}

async function* cellsOf(records: AsyncIterable<RejectedRecord>): AsyncGenerator<CsvCells> {
  for await (const rejected of records) yield rejectCells(rejected);
}
