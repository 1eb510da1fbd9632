import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { RunObservation } from '../../status/observe-run.js';
import { watchBatch, type WatchMemory, type WatchNews } from '../../status/notices/batch-watch.js';
import type { NoticeEvent, NoticeBatch } from '../../domain/batch/notice.js';
import { Report } from '../../ledger/documents.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import { noticeOf } from '../../status/notices/notice-body.js';
import { addressOf, at, reportKey, type RunRef } from '../../storage/layout.js';
import { pause, startTemporalClock, withHeartbeat } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import type { Activities, WatchBatchInput } from '../../workflows/protocol/activities.js';

type State = Pick<WorkerState, 'notify' | 'observeRun' | 'limits' | 'log'>;

/**
 * Checks a batch periodically while its workflow is open, and sends notices of holds, of pauses by the batch itself,
 * of standstills, and of an end from outside. Returns at once if no notices are configured.
 */
export function watchBatchActivity(state: State): Activities['watchBatch'] {
  return async (input) => {
    const { notify, observeRun } = state;
    if (!notify || !observeRun) return;
    let memory: WatchMemory | undefined = Memory.safeParse(Context.current().info.heartbeatDetails).data;
    const nowMs = startTemporalClock();
    const { holdToldAfterMs, stuckToldAfterMs } = state.limits;
    const limits = { holdToldAfterMs, stuckToldAfterMs, everyMs: holdToldAfterMs / 2 };
    const batch = noticeBatchOf(input);
    /** False if there is nothing more to watch. */
    const lookOnce = async (): Promise<boolean> => {
      const seen: RunObservation = await observeRun(input.run);
      if (seen.kind === 'failed') {
        await notify(noticeOf({ type: 'batch.ended', batch, end: 'failed', tally: seen.tally }, seen.at));
      }
      if (seen.kind !== 'open') return seen.kind === 'unseen';
      const lookedAtMs = nowMs();
      const watched = watchBatch(memory, seen.observed, { ...limits, nowMs: lookedAtMs });
      const at = new Date(lookedAtMs).toISOString();
      for (const news of watched.news) await notify(noticeOf(eventOf(batch, news), at));
      // Only after all notices are sent: a notice that the next check sends again has the same id.
      memory = watched.memory;
      return true;
    };
    const withoutFaults = async (check: () => Promise<boolean>): Promise<boolean> => {
      try {
        return await check();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        state.log.info(
          { batchId: input.run.batchId, reason },
          'A batch could not be checked; the next check follows.',
        );
        return true;
      }
    };
    await withHeartbeat(
      async () => {
        let isOpen = true;
        // Until the end, even if nothing more can change: an activity that outlives its workflow without being cancelled causes a warning.
        while (await isStillWatched(limits.everyMs)) if (isOpen) isOpen = await withoutFaults(lookOnce);
        if (isOpen) await withoutFaults(lookOnce);
      },
      () => memory,
    );
  };
}

/** Waits; false once the batch's workflow has closed. Throws if another worker is to continue the watch. */
async function isStillWatched(everyMs: number): Promise<boolean> {
  try {
    await pause(everyMs);
    return true;
  } catch (error) {
    if (Context.current().cancellationDetails?.notFound !== true) throw error;
    return false;
  }
}

function eventOf(batch: ReturnType<typeof noticeBatchOf>, news: WatchNews): NoticeEvent {
  switch (news.kind) {
    case 'held':
      return { type: 'batch.held', batch, hold: news.hold };
    case 'paused':
      return { type: 'batch.paused', batch, pause: news.pause };
    case 'stuck': {
      const since = new Date(news.movedAtMs).toISOString();
      return { type: 'batch.stuck', batch, message: news.message, since };
    }
  }
}

const Memory: z.ZodType<WatchMemory> = z.object({
  lookedAtMs: z.number(),
  counts: z.string(),
  movedAtMs: z.number(),
  standstillMs: z.number(),
  stuckTold: z.boolean(),
  holdsTold: z.array(z.object({ scope: z.string(), since: z.string(), atMs: z.number() })),
  pausesTold: z.array(z.object({ kind: z.string(), since: z.string() })),
});

/** Sends the notice of the end of a run; no effect if no notices are configured. */
export function notifyEndActivity(state: Pick<WorkerState, 'notify' | 'store'>): Activities['notifyEnd'] {
  return async (input) => {
    if (!state.notify) return;
    const { end, tally, endedAt } = input;
    const cost = await measuredCost(state, input.run);
    const batch = noticeBatchOf(input);
    await state.notify(noticeOf({ type: 'batch.ended', batch, end, tally, ...(cost && { cost }) }, endedAt));
  };
}

/** The fields of a run for notices. */
function noticeBatchOf({ run, startedAt }: WatchBatchInput): NoticeBatch {
  const { batchId, runSeq } = run;
  return { batchId, runSeq, startedAt, address: addressOf(run) };
}

const REPORT_MS = 5_000;

/** What the account was charged meanwhile; undefined if unknown. A bucket that does not answer must not prevent the notice of the end. */
async function measuredCost({ store }: Pick<WorkerState, 'store'>, run: RunRef): Promise<string | undefined> {
  const reading = readDocumentIfAny(store, at(run, reportKey(run)), Report).catch(() => undefined);
  const report = await Promise.race([reading, sleep(REPORT_MS, undefined, { ref: false })]);
  return report?.runSeq === run.runSeq ? (report.cost?.measured ?? undefined) : undefined;
}
