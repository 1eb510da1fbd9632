import type { RowOutcome } from '../../domain/rows/outcome.js';
import { isReportColumn, REJECT_COLUMNS } from '../../domain/rows/columns.js';
import type { PromptRow, RejectedRecord, ShardRow, SkippedRecord } from '../../domain/rows/row.js';
import { addTallies, EMPTY_TALLY, tallyOfSettled, type Tally } from '../../domain/batch/tally.js';
import type { CarriedLine, RenameLine } from '../../ledger/documents.js';
import { rejectCells } from '../../ledger/kept-rejects.js';
import { toJsonLines } from '../../ledger/files/json-lines.js';
import type { LedgerFiles } from '../../ledger/files/ledger-files.js';
import type { ImageMove } from '../../plan/rows/present-name.js';
import {
  at,
  carriedKey,
  rejectsKey,
  rejectsLedgerKey,
  renamesKey,
  rowsKey,
  skippedKey,
  type RunRef,
} from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { cancellationSignal } from '../worker/activity-context.js';

/** The rejected records with all their non-empty cells, including those without a header. */
export class Rejects {
  readonly #ledger: ReturnType<LedgerFiles['open']>;
  readonly #csv: ReturnType<LedgerFiles['openCsv']>;
  readonly #filled = new Set<string>();
  #count = 0;

  constructor(files: LedgerFiles) {
    this.#ledger = files.open();
    this.#csv = files.openCsv();
  }

  get count(): number {
    return this.#count;
  }

  async add(rejected: RejectedRecord): Promise<void> {
    this.#count += 1;
    for (const [name, cell] of Object.entries(rejected.record)) if (cell !== '') this.#filled.add(name);
    await this.#ledger.add(rejected);
    await this.#csv.add(rejectCells(rejected));
  }

  /** Stores them. Returns their columns: `columns`, and any others that were found. */
  async store(run: RunRef, columns: readonly string[], delimiter: string): Promise<readonly string[]> {
    const own = new Set([...columns, ...this.#filled].filter((name) => !isReportColumn(name)));
    await this.#ledger.store(rejectsLedgerKey(run, run.runSeq), 'application/jsonl');
    await this.#csv.store(rejectsKey(run), [...own, ...REJECT_COLUMNS], delimiter);
    return [...own];
  }
}

/** The records left out as duplicates. */
export class SkippedRecords {
  readonly #files: LedgerFiles;
  #file: ReturnType<LedgerFiles['open']> | undefined;

  constructor(files: LedgerFiles) {
    this.#files = files;
  }

  async add(skipped: SkippedRecord): Promise<void> {
    this.#file ??= this.#files.open();
    await this.#file.add(skipped);
  }

  /** Stores them, if there are any. */
  async store(run: RunRef): Promise<void> {
    await this.#file?.store(skippedKey(run, run.runSeq), 'application/jsonl');
  }
}

/** The rows that keep their outcome. */
export class CarriedRows {
  readonly #file: ReturnType<LedgerFiles['open']>;
  #tally: Tally = EMPTY_TALLY;

  constructor(files: LedgerFiles) {
    this.#file = files.open();
  }

  get tally(): Tally {
    return this.#tally;
  }

  async add(row: PromptRow, outcome: RowOutcome): Promise<void> {
    const line: CarriedLine = {
      row: { ...row, generation: 1 },
      outcome: { ...outcome, position: row.position },
    };
    await this.#file.add(line);
    this.#tally = addTallies(this.#tally, tallyOfSettled([outcome]));
  }

  async store(run: RunRef): Promise<void> {
    await this.#file.store(carriedKey(run, run.runSeq), 'application/jsonl');
  }
}

/** The images of rows that were renamed. */
export class Renames {
  readonly #files: LedgerFiles;
  #file: ReturnType<LedgerFiles['open']> | undefined;

  constructor(files: LedgerFiles) {
    this.#files = files;
  }

  async add({ rowId, contentHash }: PromptRow, { from, to }: ImageMove): Promise<void> {
    this.#file ??= this.#files.open();
    await this.#file.add({ rowId, contentHash, from, to } satisfies RenameLine);
  }

  /** Writes no file if there are none. */
  async store(run: RunRef): Promise<void> {
    await this.#file?.store(renamesKey(run, run.runSeq), 'application/jsonl');
  }
}

/** Writes rows as shards of equal length, each as soon as it is full. Canaries, in row order, are a shard of their own before the others. */
export class ShardWriter {
  readonly #store: ObjectStore;
  readonly #run: RunRef;
  readonly #length: number;
  readonly #canaries: ReadonlySet<number>;
  readonly #canaryRows: ShardRow[] = [];
  #buffer: ShardRow[] = [];
  #count = 0;
  #rows = 0;

  constructor(store: ObjectStore, run: RunRef, length: number, canaries: Iterable<number> = []) {
    this.#store = store;
    this.#run = run;
    this.#length = length;
    this.#canaries = new Set(canaries);
  }

  get count(): number {
    return this.#count;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Rows of the first shard if it is the canary's. */
  get canaryRows(): number {
    return this.#canaryRows.length;
  }

  async add(row: ShardRow): Promise<void> {
    if (this.#canaries.has(this.#rows++)) {
      this.#canaryRows.push(row);
      // Its number is reserved now; it is written when it is complete.
      if (this.canaryRows === 1) this.#count += 1;
      return;
    }
    this.#buffer.push(row);
    if (this.#buffer.length === this.#length) await this.#writeNext();
  }

  async end(): Promise<void> {
    if (this.#buffer.length > 0) await this.#writeNext();
    if (this.canaryRows > 0) await this.#write(0, this.#canaryRows);
  }

  async #writeNext(): Promise<void> {
    await this.#write(this.#count, this.#buffer);
    this.#buffer = [];
    this.#count += 1;
  }

  async #write(shard: number, rows: readonly ShardRow[]): Promise<void> {
    const run = this.#run;
    await this.#store.put(at(run, rowsKey(run, run.runSeq, shard)), toJsonLines(rows), {
      contentType: 'application/jsonl',
      signal: cancellationSignal(),
    });
  }
}
