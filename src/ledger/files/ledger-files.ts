import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { JsonValue } from '../../domain/text/json.js';
import { csvChunks, type CsvCells } from '../../sheet/index.js';
import { readJsonLines } from './json-lines.js';
import { at, batchRoot } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { withTextFiles, type TextFile } from './text-file.js';
import type { RunRef } from '../../storage/layout.js';

const CELLS = z.record(z.string(), z.json());

/** A file of the batch that is written piece by piece and stored as a whole at the end. */
export interface LedgerFile {
  /** Adds a document as a line of JSON. */
  add(document: unknown): Promise<void>;
  write(text: string): Promise<void>;
}

/** A CSV file of the batch whose columns are known only at the end. */
export interface LedgerCsv {
  add(cells: CsvCells): Promise<void>;
}

/** The files of a batch that an activity writes: built locally, stored as a whole, with the digests of what was stored. */
export class LedgerFiles {
  readonly #store: ObjectStore;
  readonly #run: RunRef;
  readonly #create: (name: string) => TextFile;
  readonly #digests = new Map<string, string>();
  #created = 0;

  private constructor(store: ObjectStore, run: RunRef, create: (name: string) => TextFile) {
    this.#store = store;
    this.#run = run;
    this.#create = create;
  }

  /** Gives `use` the means to write files; removes the local ones afterwards. */
  static async with<T>(store: ObjectStore, run: RunRef, use: (files: LedgerFiles) => Promise<T>): Promise<T> {
    return withTextFiles((create) => use(new LedgerFiles(store, run, create)));
  }

  /** sha256 by key below the batch, of all files stored so far. */
  get digests(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#digests].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  open(): LedgerFile & { readonly store: (key: string, contentType: string) => Promise<void> } {
    const file = this.#create(`${this.#created++}`);
    return {
      add: (document) => file.write(`${JSON.stringify(document)}\n`),
      write: (text) => file.write(text),
      store: (key, contentType) => this.#storeFile(file, key, contentType),
    };
  }

  /** Stores a complete text. */
  async put(key: string, text: string, contentType: string): Promise<void> {
    const body = Buffer.from(text);
    const sha256 = createHash('sha256').update(body).digest('hex');
    await this.#store.put(at(this.#run, key), body, { contentType, sha256 });
    this.#digests.set(key.slice(batchRoot(this.#run).length), sha256);
  }

  openCsv(): LedgerCsv & {
    readonly store: (key: string, columns: readonly string[], delimiter: string) => Promise<void>;
  } {
    const spool = this.#create(`${this.#created++}`);
    return {
      add: (cells) => spool.write(`${JSON.stringify(cells)}\n`),
      store: async (key, columns, delimiter) => {
        await spool.end();
        const csv = this.#create(`${this.#created++}`);
        const records: AsyncIterable<Record<string, JsonValue>> = readJsonLines(spool.read(), CELLS, key);
        for await (const chunk of csvChunks(columns, records, delimiter)) await csv.write(chunk);
        await this.#storeFile(csv, key, 'text/csv; charset=utf-8');
      },
    };
  }

  async #storeFile(file: TextFile, key: string, contentType: string): Promise<void> {
    const sha256 = await file.end();
    await this.#store.putFile(at(this.#run, key), file.path, { contentType, sha256 });
    this.#digests.set(key.slice(batchRoot(this.#run).length), sha256);
  }
}
