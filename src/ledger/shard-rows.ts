import QuickLRU from 'quick-lru';
import type { ShardRow } from '../domain/rows/row.js';
import { ShardRowLine } from './documents.js';
import { readJsonLines } from './files/json-lines.js';
import { type RunRef, at, rowsKey } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';

const SHARDS_KEPT = 32;

/**
 * The checked rows of shards, read once and cached for the shards in use. Rows are immutable once written, unless a
 * batch is deleted and submitted again; so the cache is per caller, such as a workflow run.
 */
export class ShardRows {
  readonly #store: ObjectStore;
  readonly #asker: () => string;
  readonly #shards = new QuickLRU<string, Promise<readonly ShardRow[]>>({ maxSize: SHARDS_KEPT });

  constructor(store: ObjectStore, asker: () => string = () => '') {
    this.#store = store;
    this.#asker = asker;
  }

  /** All rows of a shard in order. Throws `StorageError`. */
  async all(run: RunRef, shard: number): Promise<readonly ShardRow[]> {
    const key = rowsKey(run, run.runSeq, shard);
    const name = `${this.#asker()} ${run.bucket}/${key}`;
    const cached = this.#shards.get(name);
    if (cached) return cached;
    const rows = this.#read(run, key);
    this.#shards.set(name, rows);
    rows.catch(() => this.#shards.delete(name));
    return rows;
  }

  /** One row by its index in the shard. Throws `StorageError`. */
  async row(ref: { readonly run: RunRef; readonly shard: number; readonly row: number }): Promise<ShardRow> {
    const row = (await this.all(ref.run, ref.shard))[ref.row];
    if (!row) throw new Error(`Shard ${ref.shard} of ${ref.run.batchId} has no row ${ref.row}.`);
    return row;
  }

  async #read(run: RunRef, key: string): Promise<readonly ShardRow[]> {
    const stream = await this.#store.read(at(run, key));
    const rows: ShardRow[] = [];
    for await (const row of readJsonLines(stream, ShardRowLine, key)) rows.push(row);
    return rows;
  }
}
