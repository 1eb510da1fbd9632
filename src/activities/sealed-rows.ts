import { ApplicationFailure } from '@temporalio/common';
import type { RowOutcome } from '../domain/outcome.js';
import type { ShardRow } from '../domain/row.js';
import { mergedByPosition, shardsByPosition } from '../ledger/by-position.js';
import { CarriedLine } from '../ledger/documents.js';
import { readJsonLines } from '../ledger/json-lines.js';
import { type RunRef, at, carriedKey } from '../storage/layout.js';
import type { BatchEnd } from '../workflows/messages.js';
import type { WorkerState } from './dependencies.js';
import { listPartsByShard, readParts, toOutcome } from '../ledger/parts.js';

export interface SealedRow {
  readonly row: ShardRow;
  readonly outcome: RowOutcome;
}

/**
 * Every row of the batch with its outcome after this run, in the order of the sheet; one shard in memory at a time, and the
 * first.
 * Throws a failure that is not repeated where a row of a completed run has no outcome.
 */
export async function* sealedRows(
  state: WorkerState,
  { run, shardCount, end }: { readonly run: RunRef; readonly shardCount: number; readonly end: BatchEnd },
): AsyncGenerator<SealedRow> {
  const key = carriedKey(run, run.runSeq);
  const carried = readJsonLines(await state.store.read(at(run, key)), CarriedLine, key);
  yield* mergedByPosition(carried, rowsOfRun(state, { run, shardCount, end }));
}

async function* rowsOfRun(
  state: WorkerState,
  { run, shardCount, end }: Parameters<typeof sealedRows>[1],
): AsyncGenerator<SealedRow> {
  const parts = await listPartsByShard(state.store, run);
  const rowsOf = async function* (shard: number): AsyncGenerator<SealedRow> {
    const rows = await state.shardRows.all(run, shard);
    const outcomes = await readParts(state.store, run, parts.get(shard) ?? []);
    for (const row of rows) {
      const outcome = outcomes.get(row.position);
      if (!outcome && end !== 'cancelled') throw withoutOutcome(run, row, shard);
      yield { row, outcome: outcome ?? neverStarted(run, row) };
    }
  };
  yield* shardsByPosition(Array.from({ length: shardCount }, (_, shard) => () => rowsOf(shard)));
}

/** A row of a shard that was never opened, because the batch was cancelled first. */
function neverStarted(run: RunRef, row: ShardRow): RowOutcome {
  // What earlier runs left open is among the row's earlier generations.
  return toOutcome(run, row, { end: { kind: 'cancelled' }, generations: [], settledAtMs: Date.now() });
}

function withoutOutcome({ batchId }: RunRef, { position }: ShardRow, shard: number): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The row at position ${position} (shard ${shard}) has no recorded outcome though the run is over, so the batch is not sealed. Go on with: banana-batch retry ${batchId}. What is recorded is kept, and the row's job is found by its key.`,
    'OutcomeMissing',
  );
}
