import path from 'node:path';
import { hasChosenName } from '../domain/images/image-name.js';
import type { RowOutcome } from '../domain/rows/outcome.js';
import type { ShardRow } from '../domain/rows/row.js';
import { leftUnended, type RowBefore } from '../domain/rows/row-plan.js';
import { at, carriedKey, outcomesKey, rowsPrefix, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { CarriedLine, OutcomeLine, ShardRowLine } from './documents.js';
import { readJsonLines } from './files/json-lines.js';
import { openedAtMs, listPartsByShard, readParts } from './parts.js';

/** A row of a run and how the run left it. */
export interface LeftRow {
  readonly row: ShardRow;
  readonly before: RowBefore;
}

/**
 * Every row of an ingested run, in the batch's order, with how the run left it: from its sealed outcomes, else from
 * what it carried over and recorded. One shard in memory at a time. Throws StorageError.
 */
export async function* rowsAfterRun(store: ObjectStore, run: RunRef): AsyncGenerator<LeftRow> {
  const carried = carriedRows(store, run);
  if (await isSealed(store, run)) {
    const rows = mergedByPosition<{ readonly row: ShardRow }>(carried, shardRows(store, run));
    yield* withOutcomes(rows, sealedOutcomes(store, run));
  } else {
    yield* mergedByPosition(carried, leftRows(store, run));
  }
}

/** How a run left its rows, without the rows: from its sealed outcomes alone, which have no names, if it is sealed. */
export async function* statesAfterRun(store: ObjectStore, run: RunRef): AsyncGenerator<RowBefore> {
  if (await isSealed(store, run)) {
    for await (const outcome of sealedOutcomes(store, run)) yield { outcome };
  } else {
    for await (const { before } of rowsAfterRun(store, run)) yield before;
  }
}

/** Whether a run has ended and recorded every outcome. */
export async function isSealed(store: ObjectStore, run: RunRef): Promise<boolean> {
  return (await store.head(at(run, outcomesKey(run, run.runSeq)))) !== undefined;
}

async function* sealedOutcomes(store: ObjectStore, run: RunRef): AsyncGenerator<RowOutcome> {
  const key = outcomesKey(run, run.runSeq);
  yield* readJsonLines(await store.read(at(run, key)), OutcomeLine, key);
}

async function* withOutcomes(
  rows: AsyncGenerator<{ readonly row: ShardRow }>,
  outcomes: AsyncGenerator<RowOutcome>,
): AsyncGenerator<LeftRow> {
  try {
    for await (const { row } of rows) {
      const { value: outcome } = await outcomes.next();
      if (outcome?.position !== row.position) {
        throw new Error(`The sealed outcomes lack the row at position ${row.position}.`);
      }
      yield leftRow(row, { outcome });
    }
  } finally {
    await outcomes.return(undefined);
  }
}

async function* carriedRows(store: ObjectStore, run: RunRef): AsyncGenerator<LeftRow> {
  const key = carriedKey(run, run.runSeq);
  for await (const { row, outcome } of readJsonLines(await store.read(at(run, key)), CarriedLine, key)) {
    yield leftRow(row, { outcome });
  }
}

async function* shardRows(store: ObjectStore, run: RunRef): AsyncGenerator<{ readonly row: ShardRow }> {
  const rowsOf = async function* (key: string): AsyncGenerator<{ readonly row: ShardRow }> {
    for await (const row of readJsonLines(await store.read(at(run, key)), ShardRowLine, key)) yield { row };
  };
  yield* shardsByPosition(
    (await listShards(store, run)).map(
      ({ key }) =>
        () =>
          rowsOf(key),
    ),
  );
}

async function* leftRows(store: ObjectStore, run: RunRef): AsyncGenerator<LeftRow> {
  const leftAt = new Date().toISOString();
  const parts = await listPartsByShard(store, run);
  const rowsOf = async function* ({ shard, key }: ShardFile): AsyncGenerator<LeftRow> {
    const outcomes = await readParts(store, run, parts.get(shard) ?? []);
    const opened = await openedAtMs(store, run, shard);
    for await (const row of readJsonLines(await store.read(at(run, key)), ShardRowLine, key)) {
      const outcome = outcomes.get(row.position);
      const left = { runSeq: run.runSeq, openedAtMs: opened, leftAt };
      yield leftRow(row, outcome ? { outcome } : leftUnended(row, left));
    }
  };
  yield* shardsByPosition((await listShards(store, run)).map((shard) => () => rowsOf(shard)));
}

function leftRow(row: ShardRow, before: RowBefore): LeftRow {
  // Names derived from ids are not worth the memory: there may be a million.
  return { row, before: hasChosenName(row) ? { ...before, imageName: row.imageName } : before };
}

/** A file of rows. */
export interface ShardFile {
  readonly shard: number;
  readonly key: string;
}

/** The files of a run's own rows, by shard. Throws StorageError. */
export async function listShards(store: ObjectStore, run: RunRef): Promise<readonly ShardFile[]> {
  const shards: ShardFile[] = [];
  for await (const { key } of store.list(run.bucket, rowsPrefix(run, run.runSeq))) {
    const shard = Number(path.posix.basename(key, '.jsonl'));
    if (Number.isSafeInteger(shard)) shards.push({ shard, key });
  }
  return shards.toSorted((a, b) => a.shard - b.shard);
}

interface Placed {
  readonly row: { readonly position: number };
}

/**
 * The rows of a run's shards in the batch's order. Rows of the first shard may be anywhere among the others if it is
 * a canary, and are kept in memory; the other shards follow each other.
 */
export async function* shardsByPosition<T extends Placed>(
  shards: readonly (() => AsyncGenerator<T>)[],
): AsyncGenerator<T> {
  const [first, ...others] = shards;
  if (!first) return;
  const canaries: T[] = [];
  for await (const row of first()) canaries.push(row);
  yield* mergedByPosition(eachOf(canaries), inTurn(others));
}

async function* eachOf<T>(rows: readonly T[]): AsyncGenerator<T> {
  yield* rows;
}

async function* inTurn<T>(shards: readonly (() => AsyncGenerator<T>)[]): AsyncGenerator<T> {
  for (const shard of shards) yield* shard();
}

/** Merges two streams of rows in the batch's order. Always ends both. */
export async function* mergedByPosition<T extends Placed>(
  first: AsyncGenerator<T>,
  second: AsyncGenerator<T>,
): AsyncGenerator<T> {
  try {
    let [a, b] = [await first.next(), await second.next()];
    while (!a.done || !b.done) {
      if (!a.done && (b.done || a.value.row.position < b.value.row.position)) {
        yield a.value;
        a = await first.next();
      } else if (!b.done) {
        yield b.value;
        b = await second.next();
      }
    }
  } finally {
    await first.return(undefined);
    await second.return(undefined);
  }
}
