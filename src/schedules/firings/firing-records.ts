import { z } from 'zod';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import type { BatchId } from '../../domain/rows/ids.js';
import { TallyDocument } from '../../ledger/documents.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import type { HomeFolder } from '../../storage/layout.js';
import type { ObjectRef, ObjectStore } from '../../storage/object-store.js';
import { firingKey } from '../schedule-layout.js';

/** The record of one run of the schedule; undefined if there is none. */
export async function readFiringRecord(
  store: ObjectStore,
  home: HomeFolder,
  schedule: ScheduleName,
  firingAt: Date,
): Promise<FiringRecord | undefined> {
  return readDocumentIfAny(store, refOf(home, schedule, firingAt), FiringRecord);
}

/**
 * Records the result of a run of the schedule, replacing the earlier record. If a backfilled run found nothing to do,
 * was skipped or failed, that does not replace the first result; nor does a late record that its batch has begun.
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

const batch = {
  batchId: z.string().transform((text) => text as BatchId),
  runSeq: z.int().min(1),
  /** The folder of the batch in `bucket`. */
  bucket: z.string().min(1),
  root: z.string().min(1),
};

/** `_schedules/<name>/firings/<day>/<stamp>.json`: the record of one run of the schedule; rewritten as it continues. */
export const FiringRecord = z.object({
  format: z.literal(1),
  schedule: z.string().transform((text) => text as ScheduleName),
  /** The nominal time. */
  firingAt: z.iso.datetime(),
  /** When it was started, or found to have been skipped. */
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().exactOptional(),
  outcome: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('running'), ...batch }),
    z.object({
      kind: z.literal('ended'),
      ...batch,
      end: z.enum(['completed', 'cancelled', 'failed']),
      tally: TallyDocument.exactOptional(),
    }),
    /** The batch has everything in the sheet. */
    z.object({ kind: z.literal('nothing-to-do'), ...batch }),
    /** Something else was running. */
    z.object({ kind: z.literal('skipped'), reason: z.string() }),
    /** The sheet is unreadable, exceeds a limit, and so on. Nothing was bought. */
    z.object({ kind: z.literal('failed'), reason: z.string() }),
  ]),
});
export type FiringRecord = z.infer<typeof FiringRecord>;
