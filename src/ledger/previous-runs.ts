import { fromStoredIdentity } from '../domain/stored-identity.js';
import type { RowOutcome } from '../domain/outcome.js';
import type { PromptRow } from '../domain/row.js';
import { OutcomeLine } from './documents.js';
import { readJsonLines } from './json-lines.js';
import { at, batchRoot, imagesPrefix, outcomesKey } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { RunRef } from '../storage/layout.js';
import { listParts } from './parts.js';

/** What earlier runs of the batch left behind, by row id: the newest sealed run, and what later ones recorded before they were ended. */
export async function outcomesBefore(
  store: ObjectStore,
  run: RunRef,
): Promise<ReadonlyMap<string, RowOutcome>> {
  const unsealed: number[] = [];
  let runSeq = run.runSeq - 1;
  while (runSeq >= 1 && !(await store.head(at(run, outcomesKey(run, runSeq))))) unsealed.unshift(runSeq--);
  const outcomes = new Map<string, RowOutcome>();
  const take = async (key: string): Promise<void> => {
    const stream = await store.read(at(run, key));
    for await (const outcome of readJsonLines(stream, OutcomeLine, key)) outcomes.set(outcome.rowId, outcome);
  };
  if (runSeq >= 1) await take(outcomesKey(run, runSeq));
  for (const later of unsealed) {
    for (const { key } of await listParts(store, { ...run, runSeq: later })) await take(key);
  }
  return outcomes;
}

/** The images that lie in the bucket already, whoever put them there. */
export class PresentImages {
  readonly #store: ObjectStore;
  readonly #run: RunRef;
  readonly #keys: ReadonlyMap<string, string>;

  private constructor(store: ObjectStore, run: RunRef, keys: ReadonlyMap<string, string>) {
    this.#store = store;
    this.#run = run;
    this.#keys = keys;
  }

  static async list(store: ObjectStore, run: RunRef): Promise<PresentImages> {
    const prefix = imagesPrefix(run);
    const keys = new Map<string, string>();
    for await (const { key } of store.list(run.bucket, prefix)) {
      keys.set(key.slice(prefix.length).replace(/\.[a-z]+$/, ''), key);
    }
    return new PresentImages(store, run, keys);
  }

  /** The outcome of a row whose own image is there; undefined where none is, or another row's or content's. */
  async outcomeOf(row: PromptRow, previous: RowOutcome | undefined): Promise<RowOutcome | undefined> {
    const key = this.#keys.get(row.imageName);
    if (key === undefined) return undefined;
    const head = await this.#store.head(at(this.#run, key));
    const identity = head && fromStoredIdentity(head.metadata);
    if (!identity || identity.contentHash !== row.contentHash) return undefined;
    const { generation, jobId, image, runSeq } = identity;
    const settledAt = (head.lastModified ?? new Date(0)).toISOString();
    return {
      position: row.position,
      rowId: row.rowId,
      contentHash: row.contentHash,
      runSeq,
      generations: [
        ...(previous?.generations ?? []).filter((record) => record.generation < generation),
        { generation, jobId, end: 'done', charged: 'yes' },
      ],
      end: { kind: 'stored', image, adopted: true },
      imageKey: key.slice(batchRoot(this.#run).length),
      settledAt,
    };
  }
}
