import { jsonAsText } from '../../domain/text/json.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import { namesBeside, RESULT_COLUMNS } from './result-columns.js';
import { inputColumnOf } from '../../domain/rows/columns.js';
import { RowCosts } from '../../domain/money/row-cost.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { cellOfRow, cellsOfRecord, type SheetColumn } from '../../domain/rows/sheet-column.js';
import type { BatchFile } from '../../ledger/documents.js';
import type { RunRef } from '../../storage/layout.js';
import { publicInputs } from '../../sheet/rows/input-images.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { LeftOutRows } from './left-out-rows.js';
import { rowResult, type ResultStatus, type RowResult } from './row-result.js';

type SheetCell = Parameters<typeof jsonAsText>[0];

/** One line of the table: as many cells as it has columns. */
export type ResultCells = readonly string[];

/** A column that is appended. */
export interface ExtraColumn {
  readonly name: string;
  readonly cellOf: (result: RowResult) => Promise<string>;
}

/**
 * The sheet as given, a line for each image and for each record without one, with its result. Rows are in the batch's
 * order; the records between them are read from the ledger on the way. Memory holds one line.
 */
export class ResultsTable {
  readonly #run: RunRef;
  readonly #columns: readonly SheetColumn[];
  readonly #extra: ExtraColumn | undefined;
  readonly #costs: RowCosts;
  readonly #leftOut: LeftOutRows;
  readonly #byStatus = new Map<ResultStatus, number>();

  private constructor(
    run: RunRef,
    columns: readonly SheetColumn[],
    parts: {
      readonly costs: RowCosts;
      readonly leftOut: LeftOutRows;
      readonly extra: ExtraColumn | undefined;
    },
  ) {
    this.#run = run;
    this.#columns = columns;
    this.#costs = parts.costs;
    this.#leftOut = parts.leftOut;
    this.#extra = parts.extra;
  }

  /** Gives `use` the table of a run. Throws StorageError. */
  static async with<T>(
    store: ObjectStore,
    run: RunRef,
    batch: BatchFile,
    extra: ExtraColumn | undefined,
    use: (table: ResultsTable) => Promise<T>,
  ): Promise<T> {
    const columns: readonly SheetColumn[] = batch.sheetColumns ?? batch.rejectColumns.map(columnNamed);
    const costs = new RowCosts(batch.settings.prices);
    return LeftOutRows.with(store, run, batch, (leftOut) =>
      use(new ResultsTable(run, columns, { costs, leftOut, extra })),
    );
  }

  /** The names of the columns. */
  get header(): ResultCells {
    const titles = this.#columns.map(({ name, title = name }) => title);
    const added = [...RESULT_COLUMNS, ...(this.#extra ? [this.#extra.name] : [])];
    return [...titles, ...namesBeside(titles, added)];
  }

  /** Number of lines so far by status. */
  get byStatus(): Readonly<Partial<Record<ResultStatus, number>>> {
    return Object.fromEntries(this.#byStatus);
  }

  /** The line of the next row, after those of the records before it; without an outcome the row is unfinished. */
  async *linesTo(row: ShardRow, outcome: RowOutcome | undefined): AsyncGenerator<ResultCells> {
    yield* this.#leftOutBefore(row.position);
    const cells = this.#columns.map((column) => cellOfRow(row, column));
    yield await this.#line(cells, rowResult(this.#run, row, outcome, this.#costs));
  }

  /** The lines of the records after all rows. */
  linesToEnd(): AsyncGenerator<ResultCells> {
    return this.#leftOutBefore(Infinity);
  }

  async *#leftOutBefore(position: number): AsyncGenerator<ResultCells> {
    for await (const { record, result } of this.#leftOut.before(position)) {
      yield await this.#line(cellsOfRecord(record, this.#columns), result);
    }
  }

  /** A cell as given, without the secret parts of input images' URLs. */
  #shown(cell: SheetCell, column: number): SheetCell {
    return cell !== undefined && this.#columns[column]?.ours === 'input_images' ? publicInputs(cell) : cell;
  }

  async #line(sheet: readonly SheetCell[], result: RowResult): Promise<ResultCells> {
    this.#byStatus.set(result.status, (this.#byStatus.get(result.status) ?? 0) + 1);
    const given = sheet.map((cell, index) => jsonAsText(this.#shown(cell, index)));
    const cells = [...given, ...RESULT_COLUMNS.map((column) => result[column])];
    if (this.#extra) cells.push(await this.#extra.cellOf(result));
    return cells;
  }
}

function columnNamed(name: string): SheetColumn {
  const ours = inputColumnOf(name);
  return { name, ...(ours && { ours }) };
}
