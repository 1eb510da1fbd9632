import { z } from 'zod';
import { microsText } from '../domain/money/decimal.js';
import { at, budgetKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { toJsonLines } from './files/json-lines.js';
import { imagePrices } from './run-settings-document.js';
import { readDocument, readDocumentIfAny } from './files/read-document.js';

const count = z.int().min(0);

/** `runs/<runSeq>/budget.json`: what was granted of a run's budget. Whole numbers are millionths. */
export const BudgetFile = z.object({
  format: z.literal(1),
  /** The last budget that was set, and the part that is spent or may be: decimal strings. */
  cap: z.string(),
  committed: z.string(),
  /** All that was ever granted: never falls, and is raised before a grant is sent. */
  granted: count,
  /** All that had been returned by then, and the number of images bought, as far as was known. */
  returned: count,
  images: count,
  /** The part of the committed amount that may be unspent, which nobody knows. */
  unknown: count,
  /** The prices by which it counts, if the budget was set after the run began; else the run's settings have them. */
  prices: imagePrices.exactOptional(),
  /** The id of the last change. */
  last: z.string(),
});
export type BudgetFile = z.infer<typeof BudgetFile>;

/** The part of a budget that is spent or may be. In millionths. */
export function committedIn({ granted, returned }: Pick<BudgetFile, 'granted' | 'returned'>): number {
  return Math.max(0, granted - returned);
}

/** What was granted of a run's budget; undefined if nothing ever was. Throws StorageError. */
export function readBudgetFile(store: ObjectStore, run: RunRef): Promise<BudgetFile | undefined> {
  return readDocumentIfAny(store, at(run, budgetKey(run, run.runSeq)), BudgetFile);
}

/** A run's budget file and the version that was read; undefined if there is none yet. Throws StorageError. */
export async function readBudgetVersion(
  store: ObjectStore,
  run: RunRef,
): Promise<{ readonly file: BudgetFile; readonly etag: string } | undefined> {
  const ref = at(run, budgetKey(run, run.runSeq));
  // The version first: if the content is newer, it will not be overwritten.
  const head = await store.head(ref);
  return head && { file: await readDocument(store, ref, BudgetFile), etag: head.etag };
}

/** Replaces the version of a run's budget file that was read. Throws StorageError `precondition-failed` if there is another. */
export async function writeBudgetFile(
  store: ObjectStore,
  run: RunRef,
  etag: string | undefined,
  file: Omit<BudgetFile, 'format' | 'committed'>,
): Promise<void> {
  await store.put(
    at(run, budgetKey(run, run.runSeq)),
    toJsonLines([{ format: 1, ...file, committed: microsText(committedIn(file)) }]),
    {
      contentType: 'application/json',
      condition: etag === undefined ? { kind: 'absent' } : { kind: 'unchanged', etag },
    },
  );
}
