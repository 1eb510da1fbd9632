import { setTimeout as sleep } from 'node:timers/promises';
import type { NoticeBatch } from '../domain/batch/notice.js';
import { Report } from '../ledger/documents.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import { noticeOf } from '../status/notices/notice-body.js';
import { addressOf, at, reportKey, type RunRef } from '../storage/layout.js';
import type { WorkerState } from './worker/dependencies.js';
import type { Activities, WatchBatchInput } from '../workflows/protocol/activities.js';

/** Has the end of a run told; does nothing where no one wants to hear. */
export function tellEndActivity(state: Pick<WorkerState, 'tell' | 'store'>): Activities['tellEnd'] {
  return async (input) => {
    if (!state.tell) return;
    const { end, tally, endedAt } = input;
    const cost = await measuredCost(state, input.run);
    const batch = noticeBatchOf(input);
    await state.tell(noticeOf({ type: 'batch.ended', batch, end, tally, ...(cost && { cost }) }, endedAt));
  };
}

/** A run as notices name it. */
export function noticeBatchOf({ run, startedAt }: WatchBatchInput): NoticeBatch {
  const { batchId, runSeq } = run;
  return { batchId, runSeq, startedAt, address: addressOf(run) };
}

const REPORT_MS = 5_000;

/** What the account was charged meanwhile; undefined where no one can say. A bucket that does not answer must not keep the end from being told. */
async function measuredCost({ store }: Pick<WorkerState, 'store'>, run: RunRef): Promise<string | undefined> {
  const reading = readDocumentIfAny(store, at(run, reportKey(run)), Report).catch(() => undefined);
  const report = await Promise.race([reading, sleep(REPORT_MS, undefined, { ref: false })]);
  return report?.runSeq === run.runSeq ? (report.cost?.measured ?? undefined) : undefined;
}
