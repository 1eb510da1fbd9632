import { fromStoredIdentity, type StoredIdentity, isImageOf } from '../domain/images/stored-identity.js';
import type { GenerationRecord, RowOutcome } from '../domain/rows/outcome.js';
import type { PromptRow } from '../domain/rows/row.js';
import { at, batchRoot, imagesPrefix, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';

interface PresentImage {
  readonly key: string;
  readonly identity: StoredIdentity;
  readonly storedAt: Date;
}

/** The images that are already in the bucket, whoever put them there. */
export class PresentImages {
  readonly #store: ObjectStore;
  readonly #run: RunRef;
  /** Extensions by image name, separated by spaces: a row has at most one of each type. */
  readonly #extensions: ReadonlyMap<string, string>;

  private constructor(store: ObjectStore, run: RunRef, extensions: ReadonlyMap<string, string>) {
    this.#store = store;
    this.#run = run;
    this.#extensions = extensions;
  }

  /** Of the whole batch, or of one row by its image's name. */
  static async list(store: ObjectStore, run: RunRef, imageName?: string): Promise<PresentImages> {
    const prefix = imagesPrefix(run);
    const extensions = new Map<string, string>();
    const narrowed = imageName === undefined ? prefix : `${prefix}${imageName}.`;
    for await (const { key } of store.list(run.bucket, narrowed)) {
      const [, name = '', extension] = /^(.*)\.([a-z]+)$/s.exec(key.slice(prefix.length)) ?? [];
      if (extension === undefined) continue;
      const others = extensions.get(name);
      extensions.set(name, others === undefined ? extension : `${others} ${extension}`);
    }
    return new PresentImages(store, run, extensions);
  }

  /**
   * The outcome of a row whose own image of `leastGeneration` or later is in the bucket, for the latest if there are
   * several; undefined if there is none, or only another row's or content's. Includes the generations of `previous`.
   * Checks the row's name, and `formerName`, where its image may still be: then `imageKey` says so.
   */
  async outcomeOf(
    row: PromptRow,
    previous: RowOutcome | undefined,
    {
      leastGeneration,
      formerName = row.imageName,
    }: { readonly leastGeneration: number; readonly formerName?: string },
  ): Promise<RowOutcome | undefined> {
    const images = await this.#imagesOf(row, row.imageName);
    if (formerName !== row.imageName) images.push(...(await this.#imagesOf(row, formerName)));
    const [newest] = images.toSorted((a, b) => b.identity.generation - a.identity.generation);
    if (!newest || newest.identity.generation < leastGeneration) return undefined;
    const { generation, jobId, image, runSeq } = newest.identity;
    const seen: GenerationRecord = { generation, jobId, end: 'done', charged: 'yes' };
    const others = (previous?.generations ?? []).filter((record) => record.generation !== generation);
    return {
      position: row.position,
      rowId: row.rowId,
      contentHash: row.contentHash,
      runSeq,
      generations: [...others, seen].toSorted((a, b) => a.generation - b.generation),
      end: { kind: 'stored', image, adopted: true },
      imageKey: newest.key.slice(batchRoot(this.#run).length),
      settledAt: newest.storedAt.toISOString(),
    };
  }

  async #imagesOf(row: PromptRow, name: string): Promise<PresentImage[]> {
    const images: PresentImage[] = [];
    for (const extension of this.#extensions.get(name)?.split(' ') ?? []) {
      const key = `${imagesPrefix(this.#run)}${name}.${extension}`;
      const head = await this.#store.head(at(this.#run, key));
      const identity = head && fromStoredIdentity(head.metadata);
      if (!identity || !isImageOf(identity, row, name)) continue;
      images.push({ key, identity, storedAt: head?.lastModified ?? new Date(0) });
    }
    return images;
  }
}
