import { z } from 'zod';
import type { LeaseBook } from '../domain/money/budget.js';
import { at, budgetKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { toJsonLines } from './files/json-lines.js';
import { readDocument, readDocumentIfAny } from './files/read-document.js';

const count = z.int().min(0);

/** `runs/<runSeq>/budget.json`: what of a run's budget was leased to whom. Whole numbers are millionths. */
export const BudgetFile = z.object({
  format: z.literal(1),
  /** What the run may cost as it was set last, and what of it is spent or leased: decimal strings. */
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

/** The result of a run's budget; undefined where it never leased any. Throws StorageError. */
export function readBudgetFile(store: ObjectStore, run: RunRef): Promise<BudgetFile | undefined> {
  return readDocumentIfAny(store, at(run, budgetKey(run, run.runSeq)), BudgetFile);
}

/** A run's book of leases, and by what it is told whether it has changed since. */
export interface ReadBook {
  readonly book: LeaseBook;
  /** Undefined where there is none yet. */
  readonly etag: string | undefined;
}

/** Reads the book of a run. Throws StorageError. */
export async function readBook(store: ObjectStore, run: RunRef): Promise<ReadBook> {
  const ref = at(run, budgetKey(run, run.runSeq));
  // The version first: what is read then may be newer, and is not written over.
  const head = await store.head(ref);
  if (!head) return { book: [], etag: undefined };
  return { book: (await readDocument(store, ref, BudgetFile)).leases, etag: head.etag };
}

/** Writes the book of a run over the version that was read. Throws StorageError `precondition-failed` where there is another. */
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
