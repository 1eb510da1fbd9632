import { findNewestSeal, nothingSealed, type Seal } from '../ledger/audit/newest-seal.js';
import { UsageError } from '../errors.js';
import type { BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { unknownBatch } from '../cli/terminal/batch-access.js';

/** The newest seal of a batch, or that its report is none. Throws a UsageError where there is no batch, or no seal. */
export async function sealOf(store: ObjectStore, location: BatchLocation): Promise<Seal | 'unreadable'> {
  const search = await findNewestSeal(store, location);
  switch (search.kind) {
    case 'sealed':
      return search.seal;
    case 'unreadable':
      return 'unreadable';
    case 'unsealed':
      throw nothingSealed(location, search.newestRunSeq);
    case 'unknown-batch':
      throw unknownBatch(location);
  }
}

/** The refusal to act on a batch by a report that cannot be read. */
export function unreadableReport({ batchId }: BatchLocation): UsageError {
  return new UsageError(
    `report.json of batch "${batchId}" is damaged, or written by a newer version of banana-batch. Update banana-batch, or run the same sheet again, which writes the report again.`,
  );
}
