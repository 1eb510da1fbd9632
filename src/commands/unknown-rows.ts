import type { AgainPlan } from '../batch/plan-again.js';
import { UsageError } from '../errors.js';
import { beforeRun } from '../ledger/previous-runs.js';
import { statesAfterRun } from '../ledger/run-rows.js';
import type { ObjectStore } from '../storage/object-store.js';
import { NearRowIds } from './near-row-ids.js';
import { oneLine } from './table.js';

const SHOWN = 3;

/** Throws a UsageError where rows were named that the batch does not have, with ids that may have been meant. */
export async function refuseUnknownRows(store: ObjectStore, plan: AgainPlan): Promise<void> {
  const { run, unknownRows } = plan;
  if (unknownRows.length === 0) return;
  const near = unknownRows.slice(0, SHOWN).map((rowId) => ({ rowId, ids: new NearRowIds(rowId) }));
  const { base } = await beforeRun(store, run);
  if (base) {
    for await (const { outcome } of statesAfterRun(store, base)) {
      for (const { ids } of near) ids.consider(outcome.rowId);
    }
  }
  const told = near.map(({ rowId, ids }) => {
    const meant = ids.best(SHOWN).map((id) => `"${oneLine(id)}"`);
    return `"${oneLine(rowId)}"${meant.length > 0 ? ` (did you mean ${meant.join(' or ')}?)` : ''}`;
  });
  const more = unknownRows.length > SHOWN ? ` and ${unknownRows.length - SHOWN} more` : '';
  throw new UsageError(
    `Batch "${run.batchId}" has no row ${told.join(', ')}${more}; nothing was started. Row ids are in the file names of its images and in metadata.jsonl and failures.csv.`,
  );
}
