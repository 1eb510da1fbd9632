import { jsonAsText } from '../domain/json.js';
import type { RowOutcome } from '../domain/outcome.js';
import { namesBeside, RESULT_COLUMNS } from '../domain/result-columns.js';
import { inputColumnOf } from '../domain/reserved-columns.js';
import { RowCosts } from '../domain/row-cost.js';
import type { ShardRow } from '../domain/row.js';
import { cellOfRow, cellsOfRecord, type SheetColumn } from '../domain/sheet-column.js';
import type { BatchFile } from '../ledger/documents.js';
import type { RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { LeftOutRows } from './left-out-rows.js';
import { rowResult, type ResultStatus, type RowResult } from './row-result.js';

/** Takes one line of the table, the header first: as many cells as it has columns. */
export type WriteCells = (cells: readonly string[]) => Promise<void>;

/** A column that is added behind all others. */
export interface ExtraColumn {
  readonly name: string;
  readonly cellOf: (result: RowResult) => Promise<string>;
}

/**
 * The sheet as it was given, a line for each image and for each record without one, with what became of it. Rows come in the
 * order of the batch; the records between them are read from the ledger as they are reached. Memory holds one line.
 */
export class ResultsTable {
  readonly #run: RunRef;
  readonly #columns: readonly SheetColumn[];
  readonly #extra: ExtraColumn | undefined;
  readonly #costs: RowCosts;
  readonly #leftOut: LeftOutRows;
  readonly #write: WriteCells;
  readonly #byStatus = new Map<ResultStatus, number>();

  private constructor(
    run: RunRef,
    columns: readonly SheetColumn[],
    parts: {
      readonly costs: RowCosts;
      readonly leftOut: LeftOutRows;
      readonly extra: ExtraColumn | undefined;
      readonly write: WriteCells;
    },
  ) {
    this.#run = run;
    this.#columns = columns;
    this.#costs = parts.costs;
    this.#leftOut = parts.leftOut;
    this.#extra = parts.extra;
    this.#write = parts.write;
  }

  /** Gives `use` the table of a run after its header was written. Throws StorageError. */
  static async with<T>(
    store: ObjectStore,
    run: RunRef,
    batch: BatchFile,
    { write, extra }: { readonly write: WriteCells; readonly extra?: ExtraColumn | undefined },
    use: (table: ResultsTable) => Promise<T>,
  ): Promise<T> {
    const columns: readonly SheetColumn[] = batch.sheetColumns ?? batch.rejectColumns.map(columnNamed);
    const titles = columns.map(({ name, title = name }) => title);
    const added = [...RESULT_COLUMNS, ...(extra ? [extra.name] : [])];
    await write([...titles, ...namesBeside(titles, added)]);
    const costs = new RowCosts(batch.settings.prices);
    return LeftOutRows.with(store, run, batch, (leftOut) =>
      use(new ResultsTable(run, columns, { costs, leftOut, extra, write })),
    );
  }

  /** Lines so far by their status. */
  get byStatus(): Readonly<Partial<Record<ResultStatus, number>>> {
    return Object.fromEntries(this.#byStatus);
  }

  /** The next row, after the records that come before it; without an outcome it has not ended. */
  async add(row: ShardRow, outcome: RowOutcome | undefined): Promise<void> {
    for await (const { record, result } of this.#leftOut.before(row.position)) {
      await this.#writeLine(cellsOfRecord(record, this.#columns), result);
    }
    const cells = this.#columns.map((column) => cellOfRow(row, column));
    await this.#writeLine(cells, rowResult(this.#run, row, outcome, this.#costs));
  }

  /** The records that come after all rows. */
  async end(): Promise<void> {
    for await (const { record, result } of this.#leftOut.before(Infinity)) {
      await this.#writeLine(cellsOfRecord(record, this.#columns), result);
    }
  }

  async #writeLine(sheet: readonly Parameters<typeof jsonAsText>[0][], result: RowResult): Promise<void> {
    this.#byStatus.set(result.status, (this.#byStatus.get(result.status) ?? 0) + 1);
    const cells = [...sheet.map(jsonAsText), ...RESULT_COLUMNS.map((column) => result[column])];
    if (this.#extra) cells.push(await this.#extra.cellOf(result));
    await this.#write(cells);
  }
}

function columnNamed(name: string): SheetColumn {
  const ours = inputColumnOf(name);
  return { name, ...(ours && { ours }) };
}
