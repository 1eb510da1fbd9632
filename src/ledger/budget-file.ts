import { z } from 'zod';
import type { LeaseBook } from '../domain/money/budget.js';
import { at, budgetKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { toJsonLines } from './files/json-lines.js';
import { readDocument, readDocumentIfAny } from './files/read-document.js';

const count = z.int().min(0);

/** `runs/<runSeq>/budget.json`: the leases of a run's budget. Whole numbers are millionths. */
export const BudgetFile = z.object({
  format: z.literal(1),
  /** The last budget that was set, and the part that is spent or leased: decimal strings. */
  cap: z.string(),
  committed: z.string(),
  leases: z.array(
    z.object({
      id: z.string(),
      run: z.string(),
      shard: count,
      epoch: count,
      granted: count,
      returned: count,
      isOver: z.literal(true).exactOptional(),
      heard: z.object({ seq: count, spent: count, images: count }),
    }),
  ),
});
export type BudgetFile = z.infer<typeof BudgetFile>;

/** The result of a run's budget; undefined if it never leased any. Throws StorageError. */
export function readBudgetFile(store: ObjectStore, run: RunRef): Promise<BudgetFile | undefined> {
  return readDocumentIfAny(store, at(run, budgetKey(run, run.runSeq)), BudgetFile);
}

/** A run's book of leases, and the version that was read. */
export interface ReadBook {
  readonly book: LeaseBook;
  /** Undefined if there is no book yet. */
  readonly etag: string | undefined;
}

/** Reads the book of a run. Throws StorageError. */
export async function readBook(store: ObjectStore, run: RunRef): Promise<ReadBook> {
  const ref = at(run, budgetKey(run, run.runSeq));
  // The version first: if the content is newer, it will not be overwritten.
  const head = await store.head(ref);
  if (!head) return { book: [], etag: undefined };
  return { book: (await readDocument(store, ref, BudgetFile)).leases, etag: head.etag };
}

/** Replaces the version of a run's book that was read. Throws StorageError `precondition-failed` if there is another. */
export async function writeBook(
  store: ObjectStore,
  run: RunRef,
  etag: string | undefined,
  file: Omit<BudgetFile, 'format'>,
): Promise<void> {
  await store.put(at(run, budgetKey(run, run.runSeq)), toJsonLines([{ format: 1, ...file }]), {
    contentType: 'application/json',
    condition: etag === undefined ? { kind: 'absent' } : { kind: 'unchanged', etag },
  });
}
