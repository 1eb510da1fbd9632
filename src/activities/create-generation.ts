import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { FRESH_BUDGET } from '../domain/fault-budget.js';
import type { ModelMode } from '../domain/holds.js';
import type { ShardRow } from '../domain/row.js';
import type { WorkerState } from './dependencies.js';
import { batchFault, bearOrHold, meaningOf, passingFailure } from './failure.js';
import { keyOf } from './generation-key.js';
import { withoutPrompt } from './service-message.js';
import type { Activities, CreateGenerationInput, CreateGenerationResult } from './types.js';

/** What a failed try leaves for the next one. */
const Progress = z.object({
  budget: z.object({ spentMs: z.number(), tries: z.number() }),
  unansweredSinceMs: z.number().exactOptional(),
});
type Progress = z.infer<typeof Progress>;

/** The model and mode whose permission and availability a row depends on. */
export function modeOf(row: Pick<ShardRow, 'model' | 'inputImages'>): ModelMode {
  return `${row.model}:${row.inputImages.length > 0 ? 'image' : 'text'}`;
}

/** Makes the job of one generation, or finds the one that its idempotency key made before. Each try is one request. */
export function createGenerationActivity(state: WorkerState): Activities['createGeneration'] {
  return async (input) => {
    const { info } = Context.current();
    const progress = Progress.safeParse(info.heartbeatDetails).data;
    // A first try that left no word may have been sent by a worker that died over it.
    const repeatedSinceMs = info.attempt > 1 ? info.scheduledTimestampMs : undefined;
    const unansweredSinceMs = input.unansweredSinceMs ?? progress?.unansweredSinceMs ?? repeatedSinceMs;
    if (unansweredSinceMs !== undefined && Date.now() - unansweredSinceMs > input.idempotencyHorizonMs) {
      return unknownCharge(unansweredSinceMs);
    }
    await state.runAccounts.check(input.run);
    const row = await state.shardRows.row(input);
    return createOnce(state, input, row, { budget: progress?.budget ?? FRESH_BUDGET, unansweredSinceMs });
  };
}

async function createOnce(
  state: WorkerState,
  input: CreateGenerationInput,
  row: ShardRow,
  before: { readonly budget: Progress['budget']; readonly unansweredSinceMs: number | undefined },
): Promise<CreateGenerationResult> {
  const sentAtMs = Date.now();
  try {
    const { jobId } = await state.api.createGeneration(row, {
      idempotencyKey: keyOf(input.run, row, input.generation),
      signal: Context.current().cancellationSignal,
    });
    return { kind: 'created', jobId };
  } catch (error) {
    const meaning = meaningOf(error, modeOf(row));
    const unansweredSinceMs = before.unansweredSinceMs ?? sentAtMs;
    switch (meaning?.kind) {
      case 'invalid':
        return { kind: 'invalid', message: withoutPrompt(meaning.message, row.prompt) };
      case 'hold':
        throw batchFault({
          cause: { ...meaning.cause, message: withoutPrompt(meaning.cause.message, row.prompt) },
          ...(before.unansweredSinceMs !== undefined && { unansweredSinceMs: before.unansweredSinceMs }),
        });
      case 'passing': {
        const { delayMs, budget } = bearOrHold(meaning, {
          budget: before.budget,
          tryMs: Date.now() - sentAtMs,
          limitMs: state.limits.serviceFaultMs,
          unansweredSinceMs,
        });
        Context.current().heartbeat({ budget, unansweredSinceMs } satisfies Progress);
        throw passingFailure(meaning.cause.message, delayMs);
      }
      case 'gone':
      case undefined:
        throw error;
    }
  }
}

function unknownCharge(sinceMs: number): CreateGenerationResult {
  const since = new Date(sinceMs).toISOString();
  const message = `A create sent at ${since} was never answered, and its key may be forgotten by now: repeating it could buy the image twice.`;
  return { kind: 'unknown-charge', message };
}
