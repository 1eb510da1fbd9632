import { isCancellation } from '@temporalio/workflow';
import { SCOPES_OF_AWAIT, SCOPES_OF_STORE } from '../../../domain/batch/holds.js';
import { LOOKS_BEFORE_ASIDE, type MissingJob } from '../../../domain/rows/missing-job.js';
import { batchFaultOf } from '../../activity-proxies.js';
import { failedAlone, isDoubted, search } from './aside-row.js';
import { awaitJob } from './await-job.js';
import { createJob, type MadeJob } from './create-job.js';
import { throughHolds } from './paid-row.js';
import type { RowContext } from './row-context.js';
import { imageEnded, jobEnded } from './row-ends.js';

/**
 * Takes a started row through one generation: makes the job, awaits it, stores the image. Afterwards the row has
 * settled, waits for its next generation, or is back in the queue because of a hold. Never rejects for faults of a
 * job or the service.
 */
export async function runRow(context: RowContext, row: number): Promise<void> {
  try {
    const job = await createJob(context, row);
    if (job) await followJob(context, row, job);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    // The end of the grace period settles rows that wait aside.
    if (context.ledger.hasEnded(row)) return;
    context.ledger.settle(row, { kind: 'cancelled' }, context.ledger.openRecord(row), Date.now());
  }
}

async function followJob(
  context: RowContext,
  row: number,
  { jobId, answeredAtMs, webhookExpected }: MadeJob,
): Promise<void> {
  const { activities, ledger, input } = context;
  const { generation } = ledger.generationOf(row);
  const ref = { run: input.run, shard: input.shard, row, generation, jobId };
  const seen = ledger.rows[row];
  const before = seen?.missing;
  if (before && before.looks >= LOOKS_BEFORE_ASIDE) return search(context, ref, before);
  const { jobTimeoutMs, thumbnails, nearDuplicates } = input.settings;
  const wanted = {
    ...(thumbnails !== undefined && { thumbnails }),
    ...(nearDuplicates !== undefined && { nearDuplicates }),
  };
  const request = {
    ...(jobTimeoutMs !== undefined && { jobTimeoutMs }),
    ...(answeredAtMs !== undefined && { answeredAtMs }),
    ...(webhookExpected && { webhookExpected }),
  };
  let unfinishedMs = seen?.unfinishedMs ?? 0;
  let missing = before;
  const waiting = { scopes: SCOPES_OF_AWAIT, step: 'job', candidate: ref } as const;
  const ended = await throughHolds(context, waiting, async () => {
    try {
      const counted = missing && { missing };
      return await awaitJob(activities, {
        ...ref,
        ...wanted,
        ...request,
        ...counted,
        ...isDoubted(context, row, 'job'),
        unfinishedMs,
      });
    } catch (error) {
      const fault = batchFaultOf(error);
      unfinishedMs = fault?.unfinishedMs ?? unfinishedMs;
      missing = fault?.missing ?? missing;
      throw error;
    }
  });
  if (ended.kind !== 'answer') return failedAlone(context, row, 'job', ended);
  const { answer } = ended;
  if (answer.kind === 'missing') {
    ledger.noteMissing(row, answer.missing, answer.unfinishedMs);
    return search(context, ref, answer.missing);
  }
  ledger.noteMissing(row, undefined);
  context.noteThrough(row, 'job');
  if (answer.kind !== 'done') return jobEnded(context, row, jobId, answer);
  ledger.startCopying(row, Date.now());
  if (answer.stored) return imageEnded(context, row, jobId, answer.stored);
  const copying = { scopes: SCOPES_OF_STORE, step: 'image', candidate: ref } as const;
  let missingImage: MissingJob | undefined;
  const stored = await throughHolds(context, copying, async () => {
    try {
      const counted = missingImage && { missing: missingImage };
      return await activities.storeImage({
        ...ref,
        ...wanted,
        ...counted,
        ...isDoubted(context, row, 'image'),
      });
    } catch (error) {
      missingImage = batchFaultOf(error)?.missing ?? missingImage;
      throw error;
    }
  });
  if (stored.kind !== 'answer') return failedAlone(context, row, 'image', stored);
  if (stored.answer.kind !== 'missing') return imageEnded(context, row, jobId, stored.answer);
  ledger.noteMissing(row, stored.answer.missing);
  return search(context, ref, stored.answer.missing);
}
