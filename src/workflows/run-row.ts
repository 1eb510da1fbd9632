import { ActivityFailure, isCancellation, sleep } from '@temporalio/workflow';
import type { AwaitGenerationResult, CreateGenerationResult, StoreImageResult } from '../activities/types.js';
import { generationLimit, type FailureKind, type JobFailureClass } from '../domain/failure-kind.js';
import type { FaultBudget } from '../domain/fault-budget.js';
import { SCOPES_OF_AWAIT, SCOPES_OF_STORE } from '../domain/holds.js';
import type { JobId } from '../domain/ids.js';
import type { GenerationRecord } from '../domain/outcome.js';
import type { BatchFaultDetails } from '../domain/batch-fault.js';
import { batchFaultOf } from './activity-proxies.js';
import { awaitJob } from './await-job.js';
import { REPEATED_JOB_CAUSE } from './job-owners.js';
import { untilFound } from './paid-row.js';
import type { RowContext } from './row-context.js';

const SHORTEST_REGENERATION_DELAY_MS = 3_000;
const LONGEST_REGENERATION_DELAY_MS = 15_000;

/** Between two creates of which the first was lost with its worker. */
const SHORTEST_LOSS_DELAY_MS = 1_000;
const LONGEST_LOSS_DELAY_MS = 5 * 60_000;

/**
 * Takes a started row through one generation: job made, awaited, image stored. At the end the row has settled, waits
 * for its next generation, or is back in the queue because of a hold. Never rejects for what a job or service did.
 */
export async function runRow(context: RowContext, row: number): Promise<void> {
  try {
    const job = await createJob(context, row);
    if (job) await followJob(context, row, job);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    context.ledger.settle(row, { kind: 'cancelled' }, context.ledger.openRecord(row), Date.now());
  }
}

/** A row's job, when it was made, and whether a webhook is to tell its end. */
interface MadeJob {
  readonly jobId: JobId;
  readonly answeredAtMs?: number;
  readonly webhookExpected?: true;
}

/** The job of the row's present generation; undefined where the row has moved on without one. */
async function createJob(context: RowContext, row: number): Promise<MadeJob | undefined> {
  const { budget, ledger } = context;
  const { generation, jobId } = ledger.generationOf(row);
  if (jobId) return { jobId };
  try {
    const result = await context.runCreate(row, () => createUntilAnswered(context, row, generation));
    switch (result.kind) {
      case 'created':
        if (!ledger.noteJob(row, generation, result.jobId, Date.now())) {
          return putBack(context, row, { cause: REPEATED_JOB_CAUSE, unansweredSinceMs: Date.now() });
        }
        budget.spend(row);
        return result;
      case 'invalid':
        budget.takeBack(row, { mayBeCharged: ledger.generationOf(row).unansweredSinceMs !== undefined });
        return fail(context, row, result.failure ?? 'invalid', {
          generation,
          end: 'invalid',
          charged: 'no',
          message: result.message,
        });
      case 'not-leased':
        budget.refuse(row);
        ledger.returnToQueue(row);
        if (context.isCancelling()) ledger.cancelUnpaid(Date.now());
        return undefined;
      case 'unknown-charge':
        return fail(context, row, 'unknown-charge', {
          generation,
          end: 'unanswered',
          charged: 'unknown',
          message: result.message,
        });
    }
  } catch (error) {
    const fault = batchFaultOf(error);
    if (!fault && !isCancellation(error)) throw error;
    return putBack(context, row, fault);
  }
}

/** Returns a row to the queue whose create met a fault, or was taken back before it was sent; raises the fault. */
function putBack(context: RowContext, row: number, fault: BatchFaultDetails | undefined): undefined {
  const { budget, ledger, input } = context;
  ledger.noteUnanswered(row, fault?.unansweredSinceMs);
  const { generation, unansweredSinceMs: since } = ledger.generationOf(row);
  const candidate = {
    shard: input.shard,
    row,
    generation,
    ...(since !== undefined && { unansweredSinceMs: since }),
  };
  if (fault?.cause.retryAfterMs !== undefined) {
    ledger.noteNotBefore(row, Date.now() + fault.cause.retryAfterMs);
  }
  const isCandidate = fault !== undefined && context.raise(fault.cause, candidate);
  ledger.returnToQueue(row, budget.takeBack(row, { mayBeCharged: since !== undefined || isCandidate }));
  if (context.isCancelling()) ledger.cancelUnpaid(Date.now());
}

/**
 * Sends the create of a generation until it is answered, always with the same key. Each activity has
 * one attempt: so it is known here, whenever the create is taken back, whether one may have been answered.
 */
async function createUntilAnswered(
  context: RowContext,
  row: number,
  generation: number,
): Promise<Exclude<CreateGenerationResult, { kind: 'again' }>> {
  const { activities, ledger, input } = context;
  const { run, shard, settings } = input;
  let budget: FaultBudget | undefined;
  for (let losses = 0; ;) {
    const waitMs = ledger.generationOf(row).notBeforeMs - Date.now();
    if (waitMs > 0) await sleep(waitMs);
    const scheduledAtMs = Date.now();
    const { unansweredSinceMs } = ledger.generationOf(row);
    const leasedTo = context.budget.leasedTo(row);
    try {
      const result = await activities.createGeneration({
        run,
        shard,
        row,
        generation,
        idempotencyHorizonMs: settings.idempotencyHorizonMs,
        ...(leasedTo !== undefined && { leasedTo }),
        ...(budget && { budget }),
        ...(unansweredSinceMs !== undefined && { unansweredSinceMs }),
      });
      if (result.kind !== 'again') return result;
      ledger.noteUnanswered(row, result.unansweredSinceMs);
      budget = result.budget;
      ledger.noteNotBefore(row, Date.now() + result.delayMs);
      if (result.slowDownMs !== undefined) context.slowDown(result.slowDownMs);
    } catch (error) {
      if (!(error instanceof ActivityFailure) || batchFaultOf(error) || isCancellation(error)) throw error;
      ledger.noteUnanswered(row, scheduledAtMs);
      const delayMs = Math.min(LONGEST_LOSS_DELAY_MS, SHORTEST_LOSS_DELAY_MS * 2 ** Math.min(losses++, 10));
      ledger.noteNotBefore(row, Date.now() + delayMs);
    }
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
  const { jobTimeoutMs } = input.settings;
  const asked = {
    ...(jobTimeoutMs !== undefined && { jobTimeoutMs }),
    ...(answeredAtMs !== undefined && { answeredAtMs }),
    ...(webhookExpected && { webhookExpected }),
  };
  let unfinishedMs = 0;
  const ended = await untilFound(context, SCOPES_OF_AWAIT, ref, async () => {
    try {
      return await awaitJob(activities, { ...ref, ...asked, unfinishedMs });
    } catch (error) {
      unfinishedMs = batchFaultOf(error)?.unfinishedMs ?? unfinishedMs;
      throw error;
    }
  });
  if (ended.kind !== 'done') return jobEnded(context, row, jobId, ended);
  ledger.startCopying(row, Date.now());
  const { thumbnails, nearDuplicates } = input.settings;
  const wanted = {
    ...(thumbnails !== undefined && { thumbnails }),
    ...(nearDuplicates !== undefined && { nearDuplicates }),
  };
  const stored = await untilFound(context, SCOPES_OF_STORE, ref, () =>
    activities.storeImage({ ...ref, ...wanted }),
  );
  imageEnded(context, row, jobId, stored);
}

function jobEnded(
  context: RowContext,
  row: number,
  jobId: JobId,
  ended: Exclude<AwaitGenerationResult, { kind: 'done' }>,
): void {
  const { generation } = context.ledger.generationOf(row);
  switch (ended.kind) {
    case 'failed': {
      const record = {
        generation,
        jobId,
        end: 'failed',
        charged: 'unknown',
        message: ended.message,
      } as const;
      if (ended.failure === 'refused') fail(context, row, 'refused', record);
      else tryAgain(context, row, ended.failure, record);
      return;
    }
    case 'gone':
      tryAgain(context, row, 'flaky', goneRecord(generation, jobId));
      return;
    case 'unfinished':
      fail(context, row, 'timed-out', {
        generation,
        jobId,
        end: 'unfinished',
        charged: 'unknown',
        message: ended.message,
      });
  }
}

function imageEnded(context: RowContext, row: number, jobId: JobId, result: StoreImageResult): void {
  const { ledger } = context;
  const { generation } = ledger.generationOf(row);
  const done = { generation, jobId, end: 'done', charged: 'yes' } as const;
  switch (result.kind) {
    case 'stored':
      context.noteEnd('image');
      ledger.settle(row, result, done, Date.now());
      return;
    case 'result-gone':
      fail(context, row, 'result-gone', { ...done, message: result.message });
      return;
    case 'superseded':
      ledger.settle(row, { kind: 'cancelled' }, done, Date.now());
      return;
    case 'gone':
      tryAgain(context, row, 'flaky', { ...goneRecord(generation, jobId), charged: 'yes' });
  }
}

function goneRecord(generation: number, jobId: JobId): GenerationRecord {
  return {
    generation,
    jobId,
    end: 'gone',
    charged: 'unknown',
    message: 'The service no longer knows the job.',
  };
}

/** Another generation after a short wait, as often as the row may have one. */
function tryAgain(
  context: RowContext,
  row: number,
  failure: Exclude<JobFailureClass, 'refused'>,
  record: GenerationRecord,
): void {
  const { ledger, input } = context;
  const made = ledger.generationOf(row).made + 1;
  if (made >= generationLimit(failure, input.settings.maxGenerations)) {
    fail(context, row, 'flaky', record);
    return;
  }
  context.noteEnd('failure', record.message);
  const { endDelay } = ledger.regenerate(row, record);
  if (context.isCancelling()) {
    ledger.cancelUnpaid(Date.now());
    return;
  }
  const spreadMs = LONGEST_REGENERATION_DELAY_MS - SHORTEST_REGENERATION_DELAY_MS;
  sleep(SHORTEST_REGENERATION_DELAY_MS + Math.random() * spreadMs).then(endDelay, endDelay);
}

function fail(context: RowContext, row: number, failure: FailureKind, record: GenerationRecord): undefined {
  context.noteEnd('failure', record.message);
  context.ledger.settle(row, { kind: 'failed', failure, message: record.message ?? '' }, record, Date.now());
}
