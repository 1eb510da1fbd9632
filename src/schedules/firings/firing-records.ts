import { z } from 'zod';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import type { BatchId } from '../../domain/rows/ids.js';
import { TallyDocument } from '../../ledger/documents.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import type { HomeFolder } from '../../storage/layout.js';
import type { ObjectRef, ObjectStore } from '../../storage/object-store.js';
import { firingKey } from '../schedule-layout.js';

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

const batch = {
  batchId: z.string().transform((text) => text as BatchId),
  runSeq: z.int().min(1),
  /** The folder of the batch in `bucket`. */
  bucket: z.string().min(1),
  root: z.string().min(1),
};

/** `_schedules/<name>/firings/<day>/<stamp>.json`: what became of a firing; written again as it continues. */
export const FiringRecord = z.object({
  format: z.literal(1),
  schedule: z.string().transform((text) => text as ScheduleName),
  /** The nominal time. */
  firingAt: z.iso.datetime(),
  /** When it was taken up, or found to have been skipped. */
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
    /** The batch has all that the sheet asks for. */
    z.object({ kind: z.literal('nothing-to-do'), ...batch }),
    /** Something else was running. */
    z.object({ kind: z.literal('skipped'), reason: z.string() }),
    /** The sheet cannot be read, is refused by a limit, and so on. Nothing was bought. */
    z.object({ kind: z.literal('failed'), reason: z.string() }),
  ]),
});
export type FiringRecord = z.infer<typeof FiringRecord>;
