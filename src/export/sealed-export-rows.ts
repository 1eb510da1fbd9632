import type { Seal } from '../ledger/audit/newest-seal.js';
import { UsageError } from '../errors.js';
import type { Fetch, LocalCopy } from '../ledger/files/local-copies.js';
import { rowsAfterRun } from '../ledger/run-rows.js';
import { at, batchRoot, outcomesKey } from '../storage/layout.js';
import { StorageError, type ObjectRef, type ObjectStore } from '../storage/object-store.js';
import { exportRowOf, type ExportRow } from '../report/export/export-row.js';

/**
 * Every row of a sealed batch in its order; undefined for one without an image. What it reads is fetched first, so that
 * it may be read as slowly as one likes. Throws `StorageError`, and a UsageError where the outcomes are not those that
 * were sealed.
 */
export async function* sealedExportRows(
  store: ObjectStore,
  { run, report }: Seal,
  fetch: Fetch,
): AsyncGenerator<ExportRow | undefined> {
  const outcomes = outcomesKey(run, run.runSeq);
  const copies = new Map<string, LocalCopy>();
  const fetched = async (ref: ObjectRef): Promise<LocalCopy> => {
    const copy = copies.get(ref.key) ?? (await fetch(ref));
    if (!copy)
      throw new StorageError('not-found', ref, `read s3://${ref.bucket}/${ref.key} failed: not found.`);
    return copy;
  };
  const sealed = await fetched(at(run, outcomes));
  copies.set(outcomes, sealed);
  const digest = report.digests[outcomes.slice(batchRoot(run).length)];
  if (digest !== undefined && digest !== sealed.sha256) {
    throw new UsageError(
      `${outcomes} differs from report.json, so nothing was exported. See what differs with: banana-batch verify ${run.batchId}`,
    );
  }
  const local: ObjectStore = { ...store, read: async (ref) => (await fetched(ref)).read() };
  for await (const { row, before } of rowsAfterRun(local, run)) yield exportRowOf(row, before.outcome);
}
