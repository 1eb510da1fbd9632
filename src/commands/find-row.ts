import pMap from 'p-map';
import { z } from 'zod';
import { imageNameIn } from '../domain/image-name.js';
import type { RowOutcome } from '../domain/outcome.js';
import type { ShardRow } from '../domain/row.js';
import { CarriedLine, ShardRowLine } from '../ledger/documents.js';
import { readJsonLines } from '../ledger/json-lines.js';
import { at, carriedKey, rowsKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { NearRowIds } from './near-row-ids.js';

const READS_AT_ONCE = 8;

/** A row of a run: part of a shard, or carried over with the outcome of an earlier run. */
export type FoundRow =
  | { readonly kind: 'own'; readonly row: ShardRow; readonly shard: number; readonly index: number }
  | { readonly kind: 'carried'; readonly row: ShardRow; readonly outcome: RowOutcome };

export type RowSearch =
  | { readonly kind: 'found'; readonly found: FoundRow }
  /** Up to three ids that somebody may have meant. */
  | { readonly kind: 'missing'; readonly near: readonly string[] };

const IdLine = z.looseObject({ rowId: z.string(), imageName: z.string() });
const CarriedIdLine = z.looseObject({ row: IdLine });

/** Looks for a row by its id, else by its image's name, with or without its extension. */
export async function findRow(
  store: ObjectStore,
  run: RunRef,
  shardCount: number,
  asked: string,
): Promise<RowSearch> {
  const byId = await searchRun(store, run, shardCount, new WantedRow(asked, (line) => line.rowId === asked));
  if (byId.kind === 'found') return byId;
  const name = imageNameIn(asked);
  const byName = new WantedRow(asked, (line) => line.imageName === name);
  const found = await searchRun(store, run, shardCount, byName);
  return found.kind === 'found' ? found : byId;
}

class WantedRow {
  readonly near: NearRowIds;
  readonly is: (line: z.infer<typeof IdLine>) => boolean;

  constructor(asked: string, is: (line: z.infer<typeof IdLine>) => boolean) {
    this.near = new NearRowIds(asked);
    this.is = is;
  }
}

/** Looks through the rows of a run, `READS_AT_ONCE` files at a time, and stops at a hit. */
async function searchRun(
  store: ObjectStore,
  run: RunRef,
  shardCount: number,
  wanted: WantedRow,
): Promise<RowSearch> {
  let found: FoundRow | undefined;
  // The files under way when a row is found need not be read to their end.
  const isOver = (): boolean => found !== undefined;
  const searches = [
    () => searchCarried(store, run, wanted, isOver),
    ...Array.from({ length: shardCount }, (_, shard) => () => searchShard(store, run, shard, wanted, isOver)),
  ];
  const search = async (one: () => Promise<FoundRow | undefined>): Promise<void> => {
    if (isOver()) return;
    const hit = await one();
    if (hit) found = hit;
  };
  await pMap(searches, search, { concurrency: READS_AT_ONCE });
  return found ? { kind: 'found', found } : { kind: 'missing', near: wanted.near.best(3) };
}

async function searchShard(
  store: ObjectStore,
  run: RunRef,
  shard: number,
  wanted: WantedRow,
  isOver: () => boolean,
): Promise<FoundRow | undefined> {
  const key = rowsKey(run, run.runSeq, shard);
  let index = 0;
  for await (const line of readJsonLines(await store.read(at(run, key)), IdLine, key)) {
    if (wanted.is(line)) return { kind: 'own', row: ShardRowLine.parse(line), shard, index };
    if (isOver()) return undefined;
    wanted.near.consider(line.rowId);
    index += 1;
  }
  return undefined;
}

async function searchCarried(
  store: ObjectStore,
  run: RunRef,
  wanted: WantedRow,
  isOver: () => boolean,
): Promise<FoundRow | undefined> {
  const key = carriedKey(run, run.runSeq);
  for await (const line of readJsonLines(await store.read(at(run, key)), CarriedIdLine, key)) {
    if (wanted.is(line.row)) return { kind: 'carried', ...CarriedLine.parse(line) };
    if (isOver()) return undefined;
    wanted.near.consider(line.row.rowId);
  }
  return undefined;
}
