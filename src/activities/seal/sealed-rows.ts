import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { mergedByPosition, shardsByPosition } from '../../ledger/run-rows.js';
import { CarriedLine } from '../../ledger/documents.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import { type RunRef, at, carriedKey } from '../../storage/layout.js';
import type { WorkerState } from '../worker/dependencies.js';
import { listPartsByShard, readParts, toOutcome } from '../../ledger/parts.js';
import { recordLostOutcomes } from './lost-outcomes.js';
import type { SealInput } from '../../workflows/protocol/activities.js';

export interface SealedRow {
  readonly row: ShardRow;
  readonly outcome: RowOutcome;
}

/**
 * Every row of the batch with its outcome after this run, in sheet order, with only one shard in memory at a time
 * besides the first.
 * Throws a non-retryable failure if the ledger has lost outcomes, after recording again those that can be found.
 */
export async function* sealedRows(state: WorkerState, input: SealInput): AsyncGenerator<SealedRow> {
  const { run } = input;
  const key = carriedKey(run, run.runSeq);
  const carried = readJsonLines(await state.store.read(at(run, key)), CarriedLine, key);
  yield* mergedByPosition(carried, rowsOfRun(state, input));
}

async function* rowsOfRun(state: WorkerState, input: SealInput): AsyncGenerator<SealedRow> {
  const { run, shardCount, openedShards } = input;
  const parts = await listPartsByShard(state.store, run);
  const rowsOf = async function* (shard: number): AsyncGenerator<SealedRow> {
    const rows = await state.shardRows.all(run, shard);
    const outcomes = await readParts(state.store, run, parts.get(shard) ?? []);
    for (const row of rows) {
      const outcome = outcomes.get(row.position);
      if (!outcome && shard < openedShards) throw await recordLostOutcomes(state, input);
      yield { row, outcome: outcome ?? neverStarted(run, row) };
    }
  };
  yield* shardsByPosition(Array.from({ length: shardCount }, (_, shard) => () => rowsOf(shard)));
}

/** A row of a shard that was never opened because the batch was cancelled first. */
function neverStarted(run: RunRef, row: ShardRow): RowOutcome {
  // Generations that earlier runs left open are among the row's earlier generations.
  return toOutcome(run, row, { end: { kind: 'cancelled' }, generations: [], settledAtMs: Date.now() });
}
