import { answerTo, type LeaseAnswer } from '../../domain/money/batch-leases.js';
import { committedOf, leased } from '../../domain/money/budget.js';
import { microsText } from '../../domain/money/decimal.js';
import { readBook, writeBook } from '../../ledger/budget-file.js';
import { at, budgetKey } from '../../storage/layout.js';
import { StorageError } from '../../storage/object-store.js';
import type { WorkerState } from '../worker/dependencies.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities, LeaseBudgetInput } from '../../workflows/protocol/activities.js';

/** Other writers of the same book: attempts of the same activity, and a batch from before its reset. */
const WRITES_TRIED = 5;

/** Leases a budget in the run's book, where no reset of a workflow can undo it. */
export function leaseBudgetActivity(state: Pick<WorkerState, 'store' | 'limits'>): Activities['leaseBudget'] {
  return (input) => withStorageRetries(state, () => lease(state, input));
}

async function lease(
  { store }: Pick<WorkerState, 'store'>,
  { run, cap, words, isBegun }: LeaseBudgetInput,
): Promise<LeaseAnswer> {
  for (let writes = 1; ; writes++) {
    const { book, etag } = await readBook(store, run);
    // Without the book nobody knows what was leased before: it must be restored.
    if (isBegun && etag === undefined) {
      const ref = at(run, budgetKey(run, run.runSeq));
      throw new StorageError('not-found', ref, `${ref.key} is gone from ${ref.bucket}.`);
    }
    const next = leased(book, cap, words);
    const committed = microsText(committedOf(next));
    try {
      await writeBook(store, run, etag, { cap: microsText(cap), committed, leases: [...next] });
      return answerTo(next, words);
    } catch (error) {
      const isTaken = error instanceof StorageError && error.code === 'precondition-failed';
      if (!isTaken || writes === WRITES_TRIED) throw error;
    }
  }
}
