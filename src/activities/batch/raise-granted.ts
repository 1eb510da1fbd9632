import type { RaisedTotal } from '../../domain/money/batch-money.js';
import { microsText } from '../../domain/money/decimal.js';
import { readBudgetVersion, writeBudgetFile } from '../../ledger/budget-file.js';
import { at, budgetKey } from '../../storage/layout.js';
import { StorageError } from '../../storage/object-store.js';
import type { WorkerState } from '../worker/dependencies.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities, RaiseGrantedInput } from '../../workflows/protocol/activities.js';

/** Other writers of the same file: attempts of the same activity, and a batch from before its reset. */
const WRITES_TRIED = 5;

/** Raises the number in the bucket, where no reset of a workflow can undo it, if it is still what the batch knows. */
export function raiseGrantedActivity(
  state: Pick<WorkerState, 'store' | 'limits'>,
): Activities['raiseGranted'] {
  return (input) => withStorageRetries(state, () => raise(state, input));
}

async function raise(
  { store }: Pick<WorkerState, 'store'>,
  { run, id, cap, from, by, returned, images, unknown, prices }: RaiseGrantedInput,
): Promise<RaisedTotal> {
  for (let writes = 1; ; writes++) {
    const version = await readBudgetVersion(store, run);
    // Without the file nobody knows what was granted before: it must be restored.
    if (from > 0 && !version) {
      const ref = at(run, budgetKey(run, run.runSeq));
      throw new StorageError('not-found', ref, `${ref.key} is gone from ${ref.bucket}.`);
    }
    const total = version?.file.granted ?? 0;
    if (version?.file.last === id) return { isRaised: true, total };
    if (total !== from) return { isRaised: false, total };
    const granted = from + by;
    try {
      const known = { cap: microsText(cap), granted, returned, images, unknown, last: id };
      const file = { ...known, ...(prices && { prices }) };
      await writeBudgetFile(store, run, version?.etag, file);
      return { isRaised: true, total: granted };
    } catch (error) {
      const isTaken = error instanceof StorageError && error.code === 'precondition-failed';
      if (!isTaken || writes === WRITES_TRIED) throw error;
    }
  }
}
