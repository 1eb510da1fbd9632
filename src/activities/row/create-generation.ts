import type { AccountId } from '../../bananahub/client.js';
import { BananaHubError } from '../../bananahub/errors.js';
import { FRESH_BUDGET, type RetryBudget } from '../../domain/batch/fault-budget.js';
import { isUploaded } from '../../domain/rows/input-image.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { askingRun, pausedUndisturbed, withHeartbeat } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { retryOrHold, isExhausted } from '../retry-or-hold.js';
import { batchFault, isSurelyRefused, mayHaveCreated, meaningOf } from '../hold-causes.js';
import { modeOf, forgetRefused, isInDoubt, outgoingCreate, type OutgoingCreate } from './outgoing-create.js';
import { callbackRefOf } from '../../bananahub/webhooks/worker-webhooks.js';
import type {
  Activities,
  CreateGenerationInput,
  CreateGenerationResult,
} from '../../workflows/protocol/activities.js';

/** A 503 may come from a single overloaded node: only a row that met more of them than this holds its model. */
const TOLERATED_503S = 2;
const PAUSE_BORNE_MS = 500;

/** How long a create is repeated here before it is reported to the workflow; each report costs events of its history. */
const REPEATED_MS = 15_000;

/**
 * Makes the job of one generation, or finds the one that its idempotency key made before. Temporary faults are
 * retried for some seconds with the same key; then the workflow decides whether to continue, since only its state
 * survives a create that is taken back.
 */
export function createGenerationActivity(state: WorkerState): Activities['createGeneration'] {
  return (input) =>
    withHeartbeat(async () => {
      if (input.leasedTo !== undefined && input.leasedTo !== askingRun()) return { kind: 'not-leased' };
      const startedAtMs = Date.now();
      const call: Call = { isRefused: false };
      try {
        for (let next = input; ;) {
          const result = await createOnce(state, next, call);
          if (result.kind !== 'again') return result;
          const { delayMs, budget, unansweredSinceMs } = result;
          // What concerns the whole batch is reported at once.
          const mayRepeat =
            result.slowDownMs === undefined && Date.now() - startedAtMs + delayMs <= REPEATED_MS;
          if (!mayRepeat || !(await pausedUndisturbed(delayMs))) return result;
          next = { ...input, budget, ...(unansweredSinceMs !== undefined && { unansweredSinceMs }) };
        }
      } finally {
        if (call.isRefused) await forgetRefused(state, input.run, call.outgoing);
      }
    });
}

/** State shared by the requests of one activity: repeats send the identical body. */
interface Call {
  outgoing?: OutgoingCreate;
  /** What was sent has certainly made no job, and nothing was in doubt before. */
  isRefused: boolean;
}

/** Sends at most one request. A cancellation does not abort it: its answer, and so a job's id, would be lost. */
async function createOnce(
  state: WorkerState,
  input: CreateGenerationInput,
  call: Call,
): Promise<CreateGenerationResult> {
  const { unansweredSinceMs, idempotencyHorizonMs } = input;
  if (unansweredSinceMs !== undefined && Date.now() - unansweredSinceMs > idempotencyHorizonMs) {
    return unknownCharge(unansweredSinceMs);
  }
  const startedAtMs = Date.now();
  const { run } = input;
  let row: ShardRow;
  let outgoing: OutgoingCreate;
  let account: AccountId;
  try {
    account = await state.runAccounts.check(run);
    row = await state.shardRows.row(input);
    const place = callbackRefOf(input);
    call.outgoing ??= await outgoingCreate(state, {
      ...input,
      row,
      place,
      isInDoubt: isInDoubt(input, row),
    });
    ({ outgoing } = call);
  } catch (error) {
    return afterFailure(state, input, error, { startedAtMs });
  }
  if (outgoing.kind === 'unrepeatable') return { kind: 'unknown-charge', message: outgoing.message };
  const closedMs = state.gate.waitMs();
  if (closedMs > 0) {
    // Nothing is sent this time, and what was sent before was refused or is in doubt.
    call.isRefused = !isInDoubt(input, row);
    return untilOpen(input, closedMs);
  }
  call.isRefused = false;
  const sentAtMs = Date.now();
  try {
    const { request, idempotencyKey } = outgoing;
    const { jobId } = await state.api.createGeneration(request, { idempotencyKey, account });
    state.successes.note(`create:${modeOf(row)}`);
    // The job of an earlier create may have ended, and its webhook may have come, long ago.
    const isTold = request.callbackUrl !== undefined && !isInDoubt(input, row);
    return { kind: 'created', jobId, answeredAtMs: Date.now(), ...(isTold && { webhookExpected: true }) };
  } catch (error) {
    call.isRefused = !isInDoubt(input, row) && isSurelyRefused(error);
    return afterFailure(state, input, error, { startedAtMs: sentAtMs, row });
  }
}

async function afterFailure(
  state: WorkerState,
  input: CreateGenerationInput,
  error: unknown,
  tried: { readonly startedAtMs: number; readonly row?: ShardRow },
): Promise<CreateGenerationResult> {
  const { startedAtMs, row } = tried;
  const budget = input.budget ?? FRESH_BUDGET;
  const meaning = meaningOf(error, row && modeOf(row));
  // Without a row nothing was sent.
  const sinceMs = input.unansweredSinceMs ?? (row && mayHaveCreated(error) ? startedAtMs : undefined);
  const unanswered = sinceMs === undefined ? {} : { unansweredSinceMs: sinceMs };
  switch (meaning?.kind) {
    case 'invalid': {
      const kept = await state.serviceTexts.keep(input.run, withAdvice(meaning.text, row));
      return { kind: 'invalid', message: meaning.message, ...kept };
    }
    case 'hold':
      if (meaning.cause.code === 'paused' && budget.tries < TOLERATED_503S && !input.isDoubted) {
        return again(
          { delayMs: PAUSE_BORNE_MS * 2 ** budget.tries, budget: { ...budget, tries: budget.tries + 1 } },
          meaning.cause.message,
          unanswered,
        );
      }
      throw batchFault(
        {
          cause: meaning.cause,
          failedMs: Math.round(budget.spentMs + Date.now() - startedAtMs),
          rowLimitMs: state.limits.createFaultMs,
          ...unanswered,
        },
        meaning.text,
      );
    case 'passing': {
      const { cause, text } = meaning;
      const failing = { budget, tryMs: Date.now() - startedAtMs, limits: state.limits };
      // The fault may be these images: a batch is not held for one row.
      if (cause.code === 'upload-failed' && sinceMs === undefined && isExhausted(meaning, failing)) {
        const kept = await state.serviceTexts.keep(input.run, text);
        return { kind: 'invalid', failure: 'flaky', message: cause.message, ...kept };
      }
      const rowLimitMs = state.limits.createFaultMs;
      const doubt = { rowLimitMs, isDoubted: input.isDoubted === true };
      const next = retryOrHold(meaning, { ...failing, ...doubt, ...unanswered });
      return { ...again(next, cause.message, unanswered), ...slowDown(state, error) };
    }
    case 'gone':
    case undefined:
      throw error;
  }
}

/** Another attempt once the service accepts requests of the account again; this wait is no fault. */
function untilOpen(
  { budget, unansweredSinceMs }: CreateGenerationInput,
  delayMs: number,
): CreateGenerationResult {
  const unanswered = unansweredSinceMs === undefined ? {} : { unansweredSinceMs };
  const message = 'BananaHub limits the rate of requests (429).';
  return again({ delayMs, budget: budget ?? FRESH_BUDGET }, message, unanswered);
}

/** What a 429 reports to the batch: once per shard for each closing of the gate. */
function slowDown({ gate }: WorkerState, error: unknown): { readonly slowDownMs?: number } {
  const isRefused = error instanceof BananaHubError && error.code === 'rate-limited';
  return isRefused && gate.isNewsTo(askingRun()) ? { slowDownMs: gate.closedForMs } : {};
}

/** The service's text about a refused row, plus advice if it seems to concern the row's input images. */
function withAdvice(text: string, row: ShardRow | undefined): string {
  if (!row || row.inputImages.length === 0 || !/input|fetch|download/i.test(text)) return text;
  const needs = row.inputImages.some(isUploaded)
    ? 'the bucket of this batch, for files, must be reachable from the internet'
    : 'they must open without signing in, and not have expired';
  return `${text} (The service fetches input images itself: ${needs}.)`;
}

function again(
  { delayMs, budget }: { readonly delayMs: number; readonly budget: RetryBudget },
  message: string,
  unanswered: { readonly unansweredSinceMs?: number },
): CreateGenerationResult {
  return { kind: 'again', delayMs, budget, message, ...unanswered };
}

function unknownCharge(sinceMs: number): CreateGenerationResult {
  const since = new Date(sinceMs).toISOString();
  const message = `A create sent at ${since} was never answered, and the service may have forgotten its idempotency key: repeating it could buy the image twice.`;
  return { kind: 'unknown-charge', message };
}
