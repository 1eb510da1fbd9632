import { ApplicationFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { BananaHubError } from '../../bananahub/errors.js';
import { compareDecimals } from '../../domain/money/decimal.js';
import { JOBS_MISSING, type HoldCause } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { at, probeKey } from '../../storage/layout.js';
import type { ProbeCandidate } from '../../workflows/protocol/shard-messages.js';
import { cancellationSignal } from '../worker/activity-context.js';
import { checkAccount } from '../account/batch-account.js';
import type { WorkerState } from '../worker/dependencies.js';
import { RefusedCreate } from './refused-create.js';
import { outOfFunds, retryable, STILL_HELD } from './still-held.js';
import { IMAGE_HOST, isSurelyRefused, mayHaveCreated, meaningOf } from '../hold-causes.js';
import { modeOf, forgetRefused, isInDoubt, outgoingCreate } from '../row/outgoing-create.js';
import { callbackRefOf } from '../../bananahub/webhooks/worker-webhooks.js';
import type {
  Activities,
  ProbeInput,
  ProbeResult,
  StillHeldDetails,
} from '../../workflows/protocol/activities.js';

/** What the last check left for the next. */
const Progress = z.object({
  /** The balance that was too low for a create. */
  available: z.string().exactOptional(),
});
type Progress = z.infer<typeof Progress>;

/** A real create is sent at least this often even when the balance seems unchanged: changes may have been missed. */
const LOOKS_PER_CREATE = 12;

/**
 * Checks once whether a hold's cause has ended; if not, it fails and Temporal retries it with growing waits.
 * Sends at most one create and one request for the balance each time, whatever the size of the batch.
 */
export function probeActivity(state: WorkerState): Activities['probe'] {
  return async (input) => {
    const progress = Progress.safeParse(Context.current().info.heartbeatDetails).data;
    const before = progress ?? {};
    if (!progress && input.firstLookAfterMs > 0) {
      Context.current().heartbeat(before);
      throw retryable(input.cause.message, input.firstLookAfterMs);
    }
    try {
      return await check(state, input, before);
    } catch (thrown) {
      const create = thrown instanceof RefusedCreate ? thrown : undefined;
      const error = create ? create.cause : thrown;
      if (cancellationSignal().aborted) throw error;
      if (error instanceof BananaHubError && blamesRowAlone(error, input.cause)) return {};
      if (create && isAccountWell(input.cause, error, create.row)) return leftToRow(input, create);
      if (isThroughElsewhere(state, input)) {
        return { ...(create && leftToRow(input, create)), isThroughElsewhere: true };
      }
      throw await stillHeld(state, input, before, error, create);
    }
  };
}

/** The one candidate without a job. */
function createAmong({ candidates }: ProbeInput): ReturnType<typeof inTurn> {
  const by = candidates.findIndex(({ jobId }) => jobId === undefined);
  const candidate = candidates[by];
  return candidate && { by, candidate };
}

/** The candidate whose turn it is, so that no single one can keep the hold active. */
function inTurn({
  candidates,
}: ProbeInput): { readonly by: number; readonly candidate: ProbeCandidate } | undefined {
  const by = (Context.current().info.attempt - 1) % Math.max(1, candidates.length);
  const candidate = candidates[by];
  return candidate && { by, candidate };
}

/** Whether a refusal concerns only the candidate, so that account and service work again. */
function blamesRowAlone(error: BananaHubError, cause: HoldCause): boolean {
  switch (error.code) {
    case 'invalid-request':
      return meaningOf(error)?.kind === 'invalid';
    case 'upload-failed':
      return true;
    case 'job-not-found':
      return cause.code !== JOBS_MISSING;
    default:
      return false;
  }
}

/**
 * Whether the account works, since its balance was answered, and `error` is the service failing for one row: if the
 * hold continued, one row that always fails would stop all others.
 */
function isAccountWell({ scope, code }: HoldCause, error: unknown, row?: ShardRow): boolean {
  if (scope !== 'account' || code === JOBS_MISSING) return false;
  const meaning = meaningOf(error, row && modeOf(row));
  return (meaning?.kind === 'hold' || meaning?.kind === 'passing') && meaning.cause.scope !== 'account';
}

/** Whether the step has succeeded on this worker since the hold began, so that the fault is not everybody's. */
function isThroughElsewhere({ successes }: WorkerState, { step, heldSinceMs }: ProbeInput): boolean {
  // Both by Temporal's clock.
  const heldForMs = Context.current().info.currentAttemptScheduledTimestampMs - heldSinceMs;
  return step !== undefined && successes.hasSince(step, heldForMs);
}

/** Hands the create back to the row, with what the attempt may have bought. */
function leftToRow(input: ProbeInput, { cause: error, sentAtMs }: RefusedCreate): ProbeResult {
  const turn = inTurn(input);
  if (!turn) return {};
  const { by, candidate } = turn;
  const { unansweredSinceMs = mayHaveCreated(error) ? sentAtMs : undefined } = candidate;
  return { by, ...(unansweredSinceMs !== undefined && { unansweredSinceMs }) };
}

async function check(state: WorkerState, input: ProbeInput, before: Progress): Promise<ProbeResult> {
  const { run, cause, candidates } = input;
  if (cause.scope === 'storage') {
    await state.store.put(at(run, probeKey(run)), Buffer.from('probe\n'), { contentType: 'text/plain' });
    // Rows themselves have no permission to delete.
    await state.store.delete(at(run, probeKey(run))).catch(() => undefined);
    return {};
  }
  const jobIds = candidates.flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId]));
  // A key may also have been replaced for other reasons than a refusal.
  state.api.renewKey();
  await checkAccount(state, run, jobIds);
  const turn = inTurn(input);
  let available: string | undefined;
  if (cause.scope === 'account' || !turn) {
    // While nothing may be bought, only a growing balance can show that there are funds.
    const mustGrow = !turn && cause.code === 'insufficient-balance';
    available = await lookAtBalance(state, before, mustGrow);
  }
  if (cause.code === JOBS_MISSING) return lookForJobs(state, input, candidates);
  if (!turn) return {};
  const { by, candidate } = turn;
  if (candidate.jobId && !candidate.isReplay) {
    return { by, ...(await lookAtJob(state, cause, candidate.jobId)) };
  }
  return { by, ...(await createOrDoubt(state, input, candidate, available)) };
}

/** Checks whether the missing job or a later one exists. Without a later one it buys one, which the next checks look for. */
async function lookForJobs(
  state: WorkerState,
  input: ProbeInput,
  candidates: readonly ProbeCandidate[],
): Promise<ProbeResult> {
  for (const [by, { jobId }] of candidates.entries()) {
    if (jobId && (await isFound(state, jobId))) return { by, isThrough: true };
  }
  const by = candidates.findIndex(({ jobId }) => jobId === undefined);
  const candidate = candidates[by];
  if (!candidate) throw retryable(input.cause.message);
  const { isThrough: _isMade, ...made } = await createOrDoubt(state, input, candidate);
  return { by, ...made };
}

async function isFound({ api }: WorkerState, jobId: JobId): Promise<boolean> {
  try {
    await api.getJob(jobId, cancellationSignal());
    return true;
  } catch (error) {
    if (error instanceof BananaHubError && error.code === 'job-not-found') return false;
    throw error;
  }
}

async function createOrDoubt(
  state: WorkerState,
  input: ProbeInput,
  candidate: ProbeCandidate,
  available?: string,
): Promise<ProbeResult> {
  const { unansweredSinceMs } = candidate;
  if (unansweredSinceMs !== undefined && Date.now() - unansweredSinceMs > input.idempotencyHorizonMs) {
    await state.api.getBalance(cancellationSignal());
    return { unansweredSinceMs };
  }
  return createCandidate(state, input, candidate, available);
}

/** The balance. Fails while it has not grown beyond the one that was too low for a create. */
async function lookAtBalance(state: WorkerState, before: Progress, mustGrow: boolean): Promise<string> {
  const { available } = await state.api.getBalance(cancellationSignal());
  if (mustGrow && before.available === undefined) {
    Context.current().heartbeat({ ...before, available } satisfies Progress);
    throw outOfFunds(available);
  }
  const triesAnyway = !mustGrow && Context.current().info.attempt % LOOKS_PER_CREATE === 0;
  if (before.available === undefined || triesAnyway) return available;
  if (compareDecimals(available, before.available) <= 0) {
    Context.current().heartbeat(before);
    throw outOfFunds(available);
  }
  return available;
}

async function lookAtJob(state: WorkerState, cause: HoldCause, jobId: JobId): Promise<ProbeResult> {
  const job = await state.api.getJob(jobId, cancellationSignal()).catch((error: unknown) => {
    if (cancellationSignal().aborted || !isAccountWell(cause, error)) throw error;
  });
  if (!job) return {};
  // Its image must be checked, and other rows wait meanwhile.
  if (cause.code === IMAGE_HOST && job.kind === 'unfinished') throw retryable(cause.message);
  if (cause.code === IMAGE_HOST && job.kind === 'done') {
    (await state.downloadImage(job.imageUrl, cancellationSignal())).release();
    return { isThrough: true };
  }
  return cause.code === IMAGE_HOST ? {} : { isThrough: true };
}

/** Buys the waiting row's generation: if that succeeds, the cause has ended and the money was not wasted. */
async function createCandidate(
  state: WorkerState,
  { run, idempotencyHorizonMs }: ProbeInput,
  candidate: ProbeCandidate,
  available: string | undefined,
): Promise<ProbeResult> {
  const account = await state.runAccounts.check(run);
  const row = await state.shardRows.row({ run, ...candidate });
  // An earlier check may have been ended while it sent the same create.
  const place = callbackRefOf({ ...candidate, run });
  const create = { ...candidate, run, row, place, idempotencyHorizonMs, isInDoubt: true };
  const outgoing = await outgoingCreate(state, create);
  // The row itself must report this.
  if (outgoing.kind === 'unrepeatable') return { unansweredSinceMs: outgoing.sentAtMs };
  const sentAtMs = Date.now();
  try {
    const { request, idempotencyKey } = outgoing;
    const signal = cancellationSignal();
    const { jobId } = await state.api.createGeneration(request, { idempotencyKey, signal, account });
    if (!candidate.isReplay) return { jobId, isThrough: true };
    if (jobId !== candidate.jobId) {
      const { batchId } = run;
      state.log.error(
        { batchId, jobId, expected: candidate.jobId },
        'A repeated create returned another job.',
      );
    }
    return { isThrough: true };
  } catch (error) {
    if (!isInDoubt(candidate, row) && isSurelyRefused(error)) {
      await forgetRefused(state, run, outgoing);
    }
    throw new RefusedCreate(error, { row, sentAtMs, available });
  }
}

/** The failure that makes Temporal check again later, with the state for the next check. */
async function stillHeld(
  state: WorkerState,
  input: ProbeInput,
  before: Progress,
  error: unknown,
  create: RefusedCreate | undefined,
): Promise<unknown> {
  const { cause } = input;
  if (error instanceof ApplicationFailure) return retryable(error.message);
  if (error instanceof BananaHubError && error.code === 'insufficient-balance') {
    // A later balance may have been topped up since, and spent by others: it would never seem to grow.
    const available = create?.available ?? (await state.api.getBalance(cancellationSignal())).available;
    Context.current().heartbeat({ ...before, available } satisfies Progress);
    return outOfFunds(available);
  }
  if (error instanceof BananaHubError && error.code === 'job-not-found') return retryable(cause.message);
  const meaning = meaningOf(error, create && modeOf(create.row));
  if (meaning?.kind !== 'hold' && meaning?.kind !== 'passing') return error;
  const unanswered = create && mayHaveCreated(error) && { unansweredSinceMs: create.sentAtMs };
  const { message } = meaning.cause;
  // Only this attempt knows of the create yet, and cannot report it between two attempts.
  const turn = cause.code === JOBS_MISSING ? createAmong(input) : inTurn(input);
  if (unanswered && turn && !turn.candidate.isReplay && turn.candidate.unansweredSinceMs === undefined) {
    const details: StillHeldDetails = { by: turn.by, ...unanswered };
    return ApplicationFailure.create({ type: STILL_HELD, message, details: [details], nonRetryable: true });
  }
  Context.current().heartbeat(before);
  return retryable(message, meaning.cause.retryAfterMs);
}
