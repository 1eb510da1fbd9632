import { ApplicationFailure } from '@temporalio/common';
import type { RowOutcome } from '../domain/outcome.js';
import { isReportColumn, REJECT_COLUMNS } from '../domain/reserved-columns.js';
import type { PromptRow, RejectedRecord, ShardRow } from '../domain/row.js';
import { planRow, type RowPlan } from '../domain/row-plan.js';
import { addTallies, EMPTY_TALLY, tallyOfSettled, type Tally } from '../domain/tally.js';
import { shardLength } from '../domain/window.js';
import { readSheet, SheetError, SheetTally, type CsvCells } from '../sheet/index.js';
import { BatchFile, RunRequest, type CarriedLine } from '../ledger/documents.js';
import { toJsonLines } from '../ledger/json-lines.js';
import {
  type RunRef,
  at,
  batchFileKey,
  carriedKey,
  rejectsKey,
  requestKey,
  rowsKey,
} from '../storage/layout.js';
import type { IngestResult, RunSettings } from '../workflows/messages.js';
import { cancellationSignal, withHeartbeat } from './activity-context.js';
import type { WorkerState } from './dependencies.js';
import { wrongAccount } from './failure.js';
import { LedgerFiles } from '../ledger/ledger-files.js';
import { outcomesBefore, PresentImages } from '../ledger/previous-runs.js';
import { readDocument, readDocumentIfAny } from '../ledger/read-document.js';
import { bearingStorage } from './storage-fault.js';
import type { Activities } from './types.js';

/**
 * Turns the run's sheet into immutable shards of checked rows. Rows whose outcome stands are carried over; rejected
 * records are told in `rejects.csv`. Run again, it writes the same. Nothing is bought before it has ended.
 */
export function ingestActivity(state: WorkerState): Activities['ingest'] {
  return ({ run, settings }) =>
    withHeartbeat(() =>
      bearingStorage(state, () =>
        LedgerFiles.with(state.store, run, (files) => ingest(state, { run, settings }, files)).catch(
          refuseSheet,
        ),
      ),
    );
}

/** A sheet that cannot be trusted will not get better by trying again. */
function refuseSheet(error: unknown): never {
  if (error instanceof SheetError) throw ApplicationFailure.nonRetryable(error.message, 'SheetError');
  throw error;
}

async function ingest(
  state: WorkerState,
  { run, settings }: { readonly run: RunRef; readonly settings: RunSettings },
  files: LedgerFiles,
): Promise<IngestResult> {
  const { store } = state;
  await checkAccount(state, run);
  const request = await readDocument(store, at(run, requestKey(run, run.runSeq)), RunRequest);
  const previous = await outcomesBefore(store, run);
  const present = await PresentImages.list(store, run);
  const shardRows = shardLength(request.rows);
  const shards = new ShardWriter(state, run, shardRows);
  const carried = new CarriedRows(files.open());
  const rejects = new Rejects(files.openCsv());
  const sheetTally = new SheetTally();
  const bytes = await store.read(at(run, request.sheetKey), cancellationSignal());
  for await (const item of readSheet(bytes, request.sheet, { name: request.sheetName })) {
    sheetTally.add(item);
    if (item.kind === 'rejected') await rejects.add(item.rejected);
    if (item.kind !== 'row') continue;
    const plan = await planWithImages(item.row, previous.get(item.row.rowId), present);
    if (plan.kind === 'carry') await carried.add(item.row, plan.outcome);
    else await shards.add({ ...item.row, ...plan.start });
  }
  await shards.end();
  const summary = sheetTally.summary();
  await carried.file.store(carriedKey(run, run.runSeq), 'application/jsonl');
  await rejects.file.store(rejectsKey(run), rejects.columnsAfter(summary.columns), summary.delimiter);
  const batch: BatchFile = {
    format: 1,
    batchId: run.batchId,
    account: state.api.account,
    runSeq: run.runSeq,
    sheet: request,
    settings,
    labelColumns: [...summary.labelColumns],
    delimiter: summary.delimiter,
    shardCount: shards.count,
    rows: shards.rows,
    carried: carried.tally.total,
    rejected: summary.rejected,
    ingestedAt: new Date().toISOString(),
    digests: files.digests,
  };
  await store.put(at(run, batchFileKey(run)), toJsonLines([batch]), { contentType: 'application/json' });
  const rejected: Tally = { ...EMPTY_TALLY, total: summary.rejected, rejected: summary.rejected };
  return {
    shardCount: shards.count,
    shardRows,
    rows: shards.rows,
    settled: addTallies(carried.tally, rejected),
  };
}

/** A batch belongs to the account that it was first run with. */
async function checkAccount(state: WorkerState, run: RunRef): Promise<void> {
  const batch = await readDocumentIfAny(state.store, at(run, batchFileKey(run)), BatchFile);
  if (batch && batch.account !== state.api.account) throw wrongAccount(batch.account, state.api.account);
}

/** The plan of a row, which also stands where its image lies in the bucket without any record of how it came there. */
async function planWithImages(
  row: PromptRow,
  previous: RowOutcome | undefined,
  present: PresentImages,
): Promise<RowPlan> {
  const plan = planRow(row, previous);
  if (plan.kind === 'carry') return plan;
  const outcome = await present.outcomeOf(row, previous);
  return outcome ? { kind: 'carry', outcome } : plan;
}

/** The rejected records with every cell that has something in it, also those that no header names. */
class Rejects {
  readonly file: ReturnType<LedgerFiles['openCsv']>;
  readonly #filled = new Set<string>();

  constructor(file: ReturnType<LedgerFiles['openCsv']>) {
    this.file = file;
  }

  async add({ line, column, value, rule, record }: RejectedRecord): Promise<void> {
    for (const [name, cell] of Object.entries(record)) if (cell !== '') this.#filled.add(name);
    const cells: CsvCells = {
      ...record,
      reject_line: line,
      reject_column: column,
      reject_value: value,
      reject_rule: rule,
    };
    await this.file.add(cells);
  }

  /** The columns of `rejects.csv`: the sheet's, what turned up beyond them, and the reasons. */
  columnsAfter(sheetColumns: readonly string[]): readonly string[] {
    const own = [...sheetColumns, ...this.#filled].filter((name) => !isReportColumn(name));
    return [...new Set(own), ...REJECT_COLUMNS];
  }
}

class CarriedRows {
  readonly file: ReturnType<LedgerFiles['open']>;
  #tally: Tally = EMPTY_TALLY;

  constructor(file: ReturnType<LedgerFiles['open']>) {
    this.file = file;
  }

  get tally(): Tally {
    return this.#tally;
  }

  async add(row: PromptRow, outcome: RowOutcome): Promise<void> {
    const line: CarriedLine = {
      row: { ...row, generation: 1 },
      outcome: { ...outcome, position: row.position },
    };
    await this.file.add(line);
    this.#tally = addTallies(this.#tally, tallyOfSettled([outcome]));
  }
}

/** Writes rows as shards of equal length, each as soon as it is full. */
class ShardWriter {
  readonly #state: WorkerState;
  readonly #run: RunRef;
  readonly #length: number;
  #buffer: ShardRow[] = [];
  #count = 0;
  #rows = 0;

  constructor(state: WorkerState, run: RunRef, length: number) {
    this.#state = state;
    this.#run = run;
    this.#length = length;
  }

  get count(): number {
    return this.#count;
  }

  get rows(): number {
    return this.#rows;
  }

  async add(row: ShardRow): Promise<void> {
    this.#buffer.push(row);
    this.#rows += 1;
    if (this.#buffer.length === this.#length) await this.#write();
  }

  async end(): Promise<void> {
    if (this.#buffer.length > 0) await this.#write();
  }

  async #write(): Promise<void> {
    const run = this.#run;
    const ref = at(run, rowsKey(run, run.runSeq, this.#count));
    await this.#state.store.put(ref, toJsonLines(this.#buffer), {
      contentType: 'application/jsonl',
      signal: cancellationSignal(),
    });
    this.#buffer = [];
    this.#count += 1;
  }
}
