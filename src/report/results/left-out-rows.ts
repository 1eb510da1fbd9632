import type { LeftOutRecord, RejectedRecord, SkippedRecord } from '../../domain/rows/row.js';
import type { BatchFile } from '../../ledger/documents.js';
import { rejectsOf, skippedOf } from '../../ledger/kept-rejects.js';
import { withLocalCopies } from '../../ledger/files/local-copies.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { rejectedResult, skippedResult, type RowResult } from './row-result.js';

/** A record without a row, with its cells for `results.csv`. */
export interface LeftOutRow {
  readonly record: LeftOutRecord;
  readonly result: RowResult;
}

/** The records without rows, in sheet order. Memory holds two of them. */
export class LeftOutRows {
  readonly #rejected: Ahead<RejectedRecord>;
  readonly #skipped: Ahead<SkippedRecord>;

  private constructor(rejected: Ahead<RejectedRecord>, skipped: Ahead<SkippedRecord>) {
    this.#rejected = rejected;
    this.#skipped = skipped;
  }

  /** Gives `use` those of a run, from local copies, since they are read as slowly as the rows between them. */
  static async with<T>(
    store: ObjectStore,
    run: RunRef,
    batch: Pick<BatchFile, 'delimiter'>,
    use: (leftOut: LeftOutRows) => Promise<T>,
  ): Promise<T> {
    return withLocalCopies(store, undefined, async (fetch) => {
      const copies: Parameters<typeof rejectsOf>[0] = {
        head: (ref) => store.head(ref),
        readText: (ref) => store.readText(ref),
        read: async (ref) => (await fetch(ref))?.read() ?? store.read(ref),
      };
      const rejected = new Ahead(rejectsOf(copies, run, batch));
      const skipped = new Ahead(skippedOf(copies, run));
      try {
        await rejected.step();
        await skipped.step();
        return await use(new LeftOutRows(rejected, skipped));
      } finally {
        await rejected.end();
        await skipped.end();
      }
    });
  }

  /** Those before the row at a position. */
  async *before(position: number): AsyncGenerator<LeftOutRow> {
    while (true) {
      const [rejected, skipped] = [this.#rejected.next, this.#skipped.next];
      const isRejected = rejected && (!skipped || !comesBefore(skipped, rejected));
      const record = isRejected ? rejected : skipped;
      if (!record || placeOf(record) > position) return;
      if (isRejected) {
        await this.#rejected.step();
        yield { record: rejected, result: rejectedResult(rejected) };
      } else if (skipped) {
        await this.#skipped.step();
        yield { record: skipped, result: skippedResult(skipped) };
      }
    }
  }
}

function placeOf({ place = Infinity }: LeftOutRecord): number {
  return place;
}

function comesBefore(one: LeftOutRecord, other: LeftOutRecord): boolean {
  const [a, b] = [placeOf(one), placeOf(other)];
  return a === b ? one.line < other.line : a < b;
}

/** A stream whose next item can be peeked at. */
class Ahead<T> {
  readonly #items: AsyncGenerator<T>;
  #next: T | undefined;

  constructor(items: AsyncGenerator<T>) {
    this.#items = items;
  }

  get next(): T | undefined {
    return this.#next;
  }

  async step(): Promise<void> {
    const { value, done } = await this.#items.next();
    this.#next = done ? undefined : value;
  }

  async end(): Promise<void> {
    await this.#items.return(undefined);
  }
}
