import { pMapIterable } from 'p-map';
import { z } from 'zod';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { CarriedLine, ShardRowLine, type BatchFile } from '../../ledger/documents.js';
import { csvRecords } from '../../ledger/files/text-file.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import { listPartsByShard, readParts, type PartRef } from '../../ledger/parts.js';
import { failureRecord } from '../../report/failure-record.js';
import type { CsvCells } from '../../sheet/index.js';
import {
  at,
  carriedKey,
  failuresKey,
  rowsKey,
  type BatchLocation,
  type RunRef,
} from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';

/** A row that ended without an image, as `failures` shows it; scripts rely on it. */
export interface FailedRow {
  readonly rowId: string;
  /** 1-based line of the sheet. */
  readonly line: number;
  /** Its row number in a spreadsheet, where the header is row 1; undefined if equal to the line. */
  readonly tableRow: number | undefined;
  /** A `FailureKind`, or `cancelled`. */
  readonly kind: string;
  /** How far the row came: a `PhaseReached`; undefined if an older version wrote the file. */
  readonly phase: string | undefined;
  readonly message: string;
  readonly generations: number;
  readonly jobId: string | undefined;
  /** Of the last generation. */
  readonly charged: string;
  readonly prompt: string;
}

const Cells = z.object({
  id: z.string(),
  prompt: z.string(),
  failure_kind: z.string(),
  failure_phase: z.string().optional(),
  failure_message: z.string(),
  failure_job_id: z.string(),
  failure_generations: z.string(),
  failure_charged: z.string(),
  failure_line: z.string(),
  failure_row: z.string().optional(),
});

/** A record of `failures.csv` as `failures` shows it. */
export function failedRowOf(record: unknown): FailedRow {
  const cells = Cells.parse(record);
  const { failure_line: line, failure_row: tableRow = line } = cells;
  return {
    rowId: cells.id,
    line: Number(line),
    tableRow: tableRow === line ? undefined : Number(tableRow),
    kind: cells.failure_kind,
    phase: cells.failure_phase,
    message: cells.failure_message,
    generations: Number(cells.failure_generations),
    jobId: cells.failure_job_id || undefined,
    charged: cells.failure_charged,
    prompt: cells.prompt,
  };
}

/** The records of a sealed batch's `failures.csv`. */
export async function* sealedFailures(
  store: ObjectStore,
  location: BatchLocation,
  { delimiter }: Pick<BatchFile, 'delimiter'>,
): AsyncGenerator {
  yield* csvRecords(await store.read(at(location, failuresKey(location))), delimiter);
}

const SHARDS_AT_ONCE = 8;

/**
 * The future content of `failures.csv` for an unsealed run, from what is recorded so far: first the rows carried over
 * without an image, then those of the run, each in sheet order.
 */
export async function* recordedFailures(store: ObjectStore, run: RunRef): AsyncGenerator<CsvCells> {
  const carried = carriedKey(run, run.runSeq);
  for await (const { row, outcome } of readJsonLines(
    await store.read(at(run, carried)),
    CarriedLine,
    carried,
  )) {
    if (isFailure(outcome)) yield failureRecord(run, row, outcome);
  }
  const shards = await listPartsByShard(store, run);
  const read = ([shard, parts]: readonly [number, readonly PartRef[]]): Promise<readonly CsvCells[]> =>
    shardFailures(store, run, shard, parts);
  for await (const records of pMapIterable(shards, read, { concurrency: SHARDS_AT_ONCE })) yield* records;
}

async function shardFailures(
  store: ObjectStore,
  run: RunRef,
  shard: number,
  parts: readonly PartRef[],
): Promise<readonly CsvCells[]> {
  const outcomes = await readParts(store, run, parts);
  for (const [position, outcome] of outcomes) if (!isFailure(outcome)) outcomes.delete(position);
  if (outcomes.size === 0) return [];
  const key = rowsKey(run, run.runSeq, shard);
  const failures: (readonly [PromptRow, RowOutcome])[] = [];
  for await (const row of readJsonLines(await store.read(at(run, key)), ShardRowLine, key)) {
    const outcome = outcomes.get(row.position);
    if (outcome) failures.push([row, outcome]);
  }
  return failures.map(([row, outcome]) => failureRecord(run, row, outcome));
}

function isFailure({ end }: RowOutcome): boolean {
  return end.kind !== 'stored';
}
