import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { FRESH_BUDGET } from '../../domain/batch/fault-budget.js';
import type { WorkerState } from './dependencies.js';
import { retryOrHold } from '../retry-or-hold.js';
import { batchFault, meaningOf, passingFailure } from '../hold-causes.js';

const Progress = z.object({ budget: z.object({ spentMs: z.number(), tries: z.number() }) });

/** Runs work on the bucket once; Temporal retries a temporary failure until the limit is used up, then the batch is held. */
export async function withStorageRetries<T>(
  state: Pick<WorkerState, 'limits'>,
  work: () => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const before = Progress.safeParse(context.info.heartbeatDetails).data?.budget ?? FRESH_BUDGET;
  const startedAtMs = Date.now();
  try {
    return await work();
  } catch (error) {
    const meaning = meaningOf(error);
    if (meaning?.kind === 'hold') throw batchFault({ cause: meaning.cause }, meaning.text);
    if (meaning?.kind !== 'passing') throw error;
    const { delayMs, budget } = retryOrHold(meaning, {
      budget: before,
      tryMs: Date.now() - startedAtMs,
      limits: state.limits,
    });
    context.heartbeat({ budget });
    throw passingFailure(meaning.cause.message, delayMs);
  }
}
