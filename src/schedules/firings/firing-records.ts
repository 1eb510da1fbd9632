import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import type { HomeFolder } from '../../storage/layout.js';
import type { ObjectRef, ObjectStore } from '../../storage/object-store.js';
import { firingKey } from '../schedule-layout.js';
import { FiringRecord } from '../firing-record.js';

/** What is recorded of one firing; undefined for nothing. */
export async function readFiringRecord(
  store: ObjectStore,
  home: HomeFolder,
  schedule: ScheduleName,
  firingAt: Date,
): Promise<FiringRecord | undefined> {
  return readDocumentIfAny(store, refOf(home, schedule, firingAt), FiringRecord);
}

/**
 * Records what became of a firing, in place of what was recorded before. That a firing made up for again found
 * nothing to do, was skipped or failed does not replace the first result; nor does a late word that
 * its run has begun.
 */
export async function putFiringRecord(
  store: ObjectStore,
  home: HomeFolder,
  record: FiringRecord,
): Promise<void> {
  const { schedule, outcome } = record;
  const firingAt = new Date(record.firingAt);
  if (outcome.kind !== 'ended') {
    const before = await readFiringRecord(store, home, schedule, firingAt);
    if (before && !mayFollow(outcome, before.outcome)) return;
  }
  await store.put(refOf(home, schedule, firingAt), Buffer.from(`${JSON.stringify(record)}\n`), {
    contentType: 'application/json',
  });
}

function mayFollow(outcome: FiringRecord['outcome'], before: FiringRecord['outcome']): boolean {
  if (before.kind !== 'ended' && before.kind !== 'running') return true;
  return outcome.kind === 'running' && (before.kind === 'running' || outcome.runSeq > before.runSeq);
}

function refOf(home: HomeFolder, schedule: ScheduleName, firingAt: Date): ObjectRef {
  return { bucket: home.bucket, key: firingKey(home, schedule, firingAt) };
}
