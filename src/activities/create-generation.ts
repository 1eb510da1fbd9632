import { FRESH_BUDGET, type FaultBudget } from '../domain/fault-budget.js';
import type { ModelMode } from '../domain/holds.js';
import type { ShardRow } from '../domain/row.js';
import { askingRun, pausedUndisturbed, withHeartbeat } from './activity-context.js';
import type { WorkerState } from './dependencies.js';
import { batchFault, bearOrHold, mayHaveCreated, meaningOf } from './failure.js';
import { keyOf } from './generation-key.js';
import { withoutPrompt } from './service-message.js';
import type { Activities, CreateGenerationInput, CreateGenerationResult } from './types.js';

/** A hold's message says what to do after the service's own words. */
const LONGEST_HOLD_MESSAGE = 600;

/** A 503 may come from a single overloaded node: only a row that met this many more of them holds its model. */
const BORNE_PAUSES = 2;
const PAUSE_BORNE_MS = 500;

/** The model and mode whose permission and availability a row depends on. */
export function modeOf(row: Pick<ShardRow, 'model' | 'inputImages'>): ModelMode {
  return `${row.model}:${row.inputImages.length > 0 ? 'image' : 'text'}`;
}

/** How long a create is repeated here before the workflow is told; each telling costs it events of its history. */
const REPEATED_MS = 15_000;

/**
 * Makes the job of one generation, or finds the one that its idempotency key made before. Passing faults are borne for
 * some seconds with the same key; whether to go on then is the workflow's to decide, since only what it knows survives
 * a create that is taken back.
 */
export function createGenerationActivity(state: WorkerState): Activities['createGeneration'] {
  return (input) =>
    withHeartbeat(async () => {
      if (input.leasedTo !== undefined && input.leasedTo !== askingRun()) return { kind: 'not-leased' };
      const startedAtMs = Date.now();
      for (let next = input; ;) {
        const result = await createOnce(state, next);
        if (result.kind !== 'again') return result;
        const { delayMs, budget, unansweredSinceMs } = result;
        const mayRepeat = Date.now() - startedAtMs + delayMs <= REPEATED_MS;
        if (!mayRepeat || !(await pausedUndisturbed(delayMs))) return result;
        next = { ...input, budget, ...(unansweredSinceMs !== undefined && { unansweredSinceMs }) };
      }
    });
}

/** One request at the most. It is not cut short by a cancellation: its answer would be lost, and with it a job's id. */
async function createOnce(state: WorkerState, input: CreateGenerationInput): Promise<CreateGenerationResult> {
  const { unansweredSinceMs, idempotencyHorizonMs } = input;
  if (unansweredSinceMs !== undefined && Date.now() - unansweredSinceMs > idempotencyHorizonMs) {
    return unknownCharge(unansweredSinceMs);
  }
  const startedAtMs = Date.now();
  let row: ShardRow;
  try {
    await state.runAccounts.check(input.run);
    row = await state.shardRows.row(input);
  } catch (error) {
    return afterFailure(state, input, error, { startedAtMs });
  }
  const sentAtMs = Date.now();
  try {
    const idempotencyKey = keyOf(input.run, row, input.generation);
    const { jobId } = await state.api.createGeneration(row, { idempotencyKey });
    return { kind: 'created', jobId };
  } catch (error) {
    return afterFailure(state, input, error, { startedAtMs: sentAtMs, row });
  }
}

function afterFailure(
  state: WorkerState,
  input: CreateGenerationInput,
  error: unknown,
  tried: { readonly startedAtMs: number; readonly row?: ShardRow },
): CreateGenerationResult {
  const { startedAtMs, row } = tried;
  const budget = input.budget ?? FRESH_BUDGET;
  const meaning = meaningOf(error, row && modeOf(row));
  const fit = (text: string): string => (row ? withoutPrompt(text, row.prompt, LONGEST_HOLD_MESSAGE) : text);
  const sinceMs = input.unansweredSinceMs ?? (mayHaveCreated(error) ? startedAtMs : undefined);
  const unanswered = sinceMs === undefined ? {} : { unansweredSinceMs: sinceMs };
  switch (meaning?.kind) {
    case 'invalid':
      return { kind: 'invalid', message: withoutPrompt(meaning.message, row?.prompt ?? '') };
    case 'hold':
      if (meaning.cause.code === 'paused' && budget.tries < BORNE_PAUSES) {
        return again(
          { delayMs: PAUSE_BORNE_MS * 2 ** budget.tries, budget: { ...budget, tries: budget.tries + 1 } },
          fit(meaning.cause.message),
          unanswered,
        );
      }
      throw batchFault({ cause: { ...meaning.cause, message: fit(meaning.cause.message) }, ...unanswered });
    case 'passing': {
      const cause = { ...meaning.cause, message: fit(meaning.cause.message) };
      const next = bearOrHold(
        { ...meaning, cause },
        {
          budget,
          tryMs: Date.now() - startedAtMs,
          limits: state.limits,
          ...unanswered,
        },
      );
      return again(next, cause.message, unanswered);
    }
    case 'gone':
    case undefined:
      throw error;
  }
}

function again(
  { delayMs, budget }: { readonly delayMs: number; readonly budget: FaultBudget },
  message: string,
  unanswered: { readonly unansweredSinceMs?: number },
): CreateGenerationResult {
  return { kind: 'again', delayMs, budget, message, ...unanswered };
}

function unknownCharge(sinceMs: number): CreateGenerationResult {
  const since = new Date(sinceMs).toISOString();
  const message = `A create sent at ${since} was never answered, and its key may be forgotten by now: repeating it could buy the image twice.`;
  return { kind: 'unknown-charge', message };
}
