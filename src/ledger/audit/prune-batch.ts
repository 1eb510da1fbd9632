import pMap from 'p-map';
import { lastRunSeq } from '../previous-runs.js';
import { UsageError } from '../../errors.js';
import { withLocalCopies } from '../files/local-copies.js';
import { at, batchRoot, outcomesKey } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { Differences, isPrunable } from './difference.js';
import type { Seal } from './newest-seal.js';
import { indexSealedRows } from './sealed-rows-index.js';
import { listPlaces } from './stray-objects.js';

/** An object that the batch no longer needs, by its key below the batch. */
export interface Leftover {
  readonly key: string;
  readonly sizeBytes: number;
}

/** What `prune` would delete, and the number of objects that it would keep although no stored row names them. */
export interface Leftovers {
  readonly leftovers: readonly Leftover[];
  readonly foreign: number;
  readonly unclaimed: number;
}

interface PruneAccess {
  readonly store: ObjectStore;
  readonly seal: Seal;
  readonly signal: AbortSignal;
}

/**
 * The images, thumbnails and pages of this program that a seal no longer names. Throws a UsageError if that is
 * uncertain: the newest run is not sealed, or its outcomes are not the sealed ones. Changes nothing.
 */
export async function findLeftovers(
  { store, seal, signal }: PruneAccess,
  onListed: (objects: number) => void,
): Promise<Leftovers> {
  const { run, report, newestRunSeq } = seal;
  const { batchId, runSeq } = run;
  if (newestRunSeq > runSeq) throw notSealed(batchId, newestRunSeq);
  return withLocalCopies(store, signal, async (fetch) => {
    const fullKey = outcomesKey(run, runSeq);
    const key = fullKey.slice(batchRoot(run).length);
    const outcomes = await fetch(at(run, fullKey));
    const isSealed = outcomes && report.batchId === batchId && report.digests[key] === outcomes.sha256;
    if (!isSealed) throw uncertain(batchId, `${key} differs from report.json`);
    const problems = new Differences(0);
    const index = await indexSealedRows(outcomes, key, 0, problems);
    // A line of a later version may name an image.
    if (problems.total > 0) throw uncertain(batchId, `${key} cannot be read in full`);
    const leftovers: Leftover[] = [];
    const kept = { foreign: 0, unclaimed: 0 };
    let listed = 0;
    for await (const { stray, ...object } of listPlaces(store, seal, index, signal)) {
      onListed((listed += 1));
      if (stray === 'foreign-object') kept.foreign += 1;
      else if (stray === 'unclaimed-image') kept.unclaimed += 1;
      else if (stray === 'spare-thumbnail' || (stray && isPrunable({ kind: stray }))) leftovers.push(object);
    }
    return { leftovers, ...kept };
  });
}

const DELETES_AT_ONCE = 32;
const BETWEEN_LOOKS = 1_000;

/**
 * Deletes leftovers; returns their number. Before every thousand it checks whether another run was requested
 * meanwhile, which may use such images: then it throws a UsageError and deletes no more.
 */
export async function deleteLeftovers(
  { store, seal, signal }: PruneAccess,
  leftovers: readonly Leftover[],
  onDeleted: (objects: number) => void,
): Promise<number> {
  const { run } = seal;
  let deleted = 0;
  for (let from = 0; from < leftovers.length; from += BETWEEN_LOOKS) {
    const newest = await lastRunSeq(store, run);
    if (newest > run.runSeq) throw notSealed(run.batchId, newest);
    const remove = async ({ key }: Leftover): Promise<void> => {
      await store.delete(at(run, `${batchRoot(run)}${key}`), signal);
      onDeleted((deleted += 1));
    };
    await pMap(leftovers.slice(from, from + BETWEEN_LOOKS), remove, { concurrency: DELETES_AT_ONCE, signal });
  }
  return deleted;
}

function uncertain(batchId: string, why: string): UsageError {
  return new UsageError(
    `Nothing was deleted: ${why}, so it is not known which images of batch "${batchId}" are unused. See all differences with: banana-batch verify ${batchId}`,
  );
}

function notSealed(batchId: string, runSeq: number): UsageError {
  return new UsageError(
    `Run ${runSeq} of batch "${batchId}" has no final report yet and may still use images that look unused. Prune the batch when it has finished: banana-batch status ${batchId}`,
  );
}
