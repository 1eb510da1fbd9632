import { ActivityFailure, isCancellation, sleep } from '@temporalio/workflow';
import type { CreateGenerationResult } from '../../protocol/activities.js';
import type { RetryBudget } from '../../../domain/batch/fault-budget.js';
import type { JobId } from '../../../domain/rows/ids.js';
import { failureMessageOf } from '../../../domain/text/failure-message.js';
import { CREATE_FAULT_MS } from '../../../domain/batch/row-faults.js';
import type { BatchFaultDetails } from '../../../domain/batch/holds.js';
import { batchFaultOf } from '../../activity-proxies.js';
import { isDoubted, waitAside } from './aside-row.js';
import { REPEATED_JOB_CAUSE } from '../job-owners.js';
import type { RowContext } from './row-context.js';
import { endByFault, fail } from './row-ends.js';

/** Delay before a create is repeated that was lost with its worker. */
const SHORTEST_LOSS_DELAY_MS = 1_000;
const LONGEST_LOSS_DELAY_MS = 5 * 60_000;

/** A row's job, when it was made, and whether a webhook will report its end. */
export interface MadeJob {
  readonly jobId: JobId;
  readonly answeredAtMs?: number;
  readonly webhookExpected?: true;
}

/** The job of the row's present generation; undefined if the row has moved on without one. */
export async function createJob(context: RowContext, row: number): Promise<MadeJob | undefined> {
  const { budget, ledger } = context;
  const { generation, jobId, mode } = ledger.generationOf(row);
  if (jobId) return { jobId };
  const step = `create:${mode}` as const;
  try {
    const result = await context.runCreate(row, () => createUntilAnswered(context, row, generation));
    switch (result.kind) {
      case 'created':
        if (!ledger.noteJob(row, generation, result.jobId, Date.now())) {
          const rowLimitMs = CREATE_FAULT_MS;
          return putBack(context, row, {
            cause: REPEATED_JOB_CAUSE,
            unansweredSinceMs: Date.now(),
            rowLimitMs,
          });
        }
        budget.spend(row);
        context.noteThrough(row, step);
        return result;
      case 'invalid':
        budget.takeBack(row, { mayBeCharged: ledger.generationOf(row).unansweredSinceMs !== undefined });
        return fail(context, row, result.failure ?? 'invalid', {
          generation,
          end: 'invalid',
          charged: 'no',
          ...failureMessageOf(result),
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

/** Takes back a create that met a fault or was not sent: the row returns to the queue, waits aside or ends. Raises the fault unless it is the row's own. */
function putBack(context: RowContext, row: number, fault: BatchFaultDetails | undefined): undefined {
  const { budget, ledger, input } = context;
  const { generation, mode } = ledger.generationOf(row);
  const step = `create:${mode}` as const;
  ledger.noteUnanswered(row, fault?.unansweredSinceMs);
  const { unansweredSinceMs: since } = ledger.generationOf(row);
  const candidate = {
    shard: input.shard,
    row,
    generation,
    ...(since !== undefined && { unansweredSinceMs: since }),
  };
  if (fault?.cause.retryAfterMs !== undefined) {
    ledger.noteNotBefore(row, Date.now() + fault.cause.retryAfterMs);
  }
  const verdict = fault && context.judge(row, step, fault);
  if (verdict && verdict.kind !== 'hold') {
    const isReserved = budget.takeBack(row, { mayBeCharged: since !== undefined });
    if (verdict.kind === 'end') endByFault(context, row, step, fault);
    else waitAside(context, row, verdict.waitMs, isReserved);
    return undefined;
  }
  const isCandidate = fault !== undefined && context.raise(fault, candidate, step);
  ledger.returnToQueue(row, budget.takeBack(row, { mayBeCharged: since !== undefined || isCandidate }));
  if (context.isCancelling()) ledger.cancelUnpaid(Date.now());
  return undefined;
}

/**
 * Sends the create of a generation until it is answered, always with the same key. Each activity has one attempt: so
 * whenever the create is taken back, it is known whether one may have been processed.
 */
async function createUntilAnswered(
  context: RowContext,
  row: number,
  generation: number,
): Promise<Exclude<CreateGenerationResult, { kind: 'again' }>> {
  const { activities, ledger, input } = context;
  const { run, shard, settings } = input;
  let budget: RetryBudget | undefined;
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
        ...isDoubted(context, row, 'create:'),
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
