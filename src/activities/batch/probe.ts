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
import { IMAGE_HOST, isSurelyRefused, mayHaveCreated, meaningOf } from '../failure.js';
import { modeOf, forgetRefused, isInDoubt, outgoingCreate } from '../row/outgoing-create.js';
import { callbackRefOf } from '../../bananahub/webhooks/worker-webhooks.js';
import type {
  Activities,
  ProbeInput,
  ProbeResult,
  StillHeldDetails,
} from '../../workflows/protocol/activities.js';

/** What the last look left for the next. */
const Progress = z.object({
  /** The balance that did not cover a create. */
  available: z.string().exactOptional(),
});
type Progress = z.infer<typeof Progress>;

/** A real create is tried at least this often even when the balance seems unchanged: it may have changed unseen. */
const LOOKS_PER_CREATE = 12;

/**
 * Looks once whether a hold's cause has ended; where it has not, fails and is repeated by Temporal with growing waits.
 * At most one create and one look at the balance each time, whatever the size of the batch.
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
      return await look(state, input, before);
    } catch (thrown) {
      const create = thrown instanceof RefusedCreate ? thrown : undefined;
      const error = create ? create.cause : thrown;
      if (cancellationSignal().aborted) throw error;
      if (error instanceof BananaHubError && blamesRowAlone(error, input.cause)) return {};
      if (create && isAccountWell(input.cause, error, create.row)) return leftToRow(input, create);
      throw await stillHeld(state, input, before, error, create);
    }
  };
}

/** The one candidate whose job is yet to be made. */
function createAmong({ candidates }: ProbeInput): ReturnType<typeof inTurn> {
  const by = candidates.findIndex(({ jobId }) => jobId === undefined);
  const candidate = candidates[by];
  return candidate && { by, candidate };
}

/** The candidate whose turn it is, so that none of them alone keeps the hold up. */
function inTurn({
  candidates,
}: ProbeInput): { readonly by: number; readonly candidate: ProbeCandidate } | undefined {
  const by = (Context.current().info.attempt - 1) % Math.max(1, candidates.length);
  const candidate = candidates[by];
  return candidate && { by, candidate };
}

/** Whether a refusal concerns the candidate and nothing else: the account and the service are well again. */
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
 * Whether the account, whose balance was answered, is well, and what fails with `error` is the service for a row: held
 * on, one row that always fails would keep all waiting.
 */
function isAccountWell({ scope, code }: HoldCause, error: unknown, row?: ShardRow): boolean {
  if (scope !== 'account' || code === JOBS_MISSING) return false;
  const meaning = meaningOf(error, row && modeOf(row));
  return (meaning?.kind === 'hold' || meaning?.kind === 'passing') && meaning.cause.scope !== 'account';
}

/** The create is the row's own again, with word of what the try may have bought. */
function leftToRow(input: ProbeInput, { cause: error, sentAtMs }: RefusedCreate): ProbeResult {
  const turn = inTurn(input);
  if (!turn) return {};
  const { by, candidate } = turn;
  const { unansweredSinceMs = mayHaveCreated(error) ? sentAtMs : undefined } = candidate;
  return { by, ...(unansweredSinceMs !== undefined && { unansweredSinceMs }) };
}

async function look(state: WorkerState, input: ProbeInput, before: Progress): Promise<ProbeResult> {
  const { run, cause, candidates } = input;
  if (cause.scope === 'storage') {
    await state.store.put(at(run, probeKey(run)), Buffer.from('probe\n'), { contentType: 'text/plain' });
    // Rows need no permission to delete.
    await state.store.delete(at(run, probeKey(run))).catch(() => undefined);
    return {};
  }
  const jobIds = candidates.flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId]));
  // Not only a refused key may have been replaced.
  state.api.renewKey();
  await checkAccount(state, run, jobIds);
  const turn = inTurn(input);
  if (cause.scope === 'account' || !turn) {
    // While nothing may be bought, only a balance that grows can show that there are funds.
    const mustGrow = !turn && cause.code === 'insufficient-balance';
    await lookAtBalance(state, before, mustGrow);
  }
  if (cause.code === JOBS_MISSING) return lookForJobs(state, input, candidates);
  if (!turn) return {};
  const { by, candidate } = turn;
  if (candidate.jobId && !candidate.isReplay) {
    return { by, ...(await lookAtJob(state, cause, candidate.jobId)) };
  }
  return { by, ...(await createOrDoubt(state, input, candidate)) };
}

/** Looks whether the missing job or a later one is there; where there is no later one, buys it, and a later look is at its job. */
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
): Promise<ProbeResult> {
  const { unansweredSinceMs } = candidate;
  if (unansweredSinceMs !== undefined && Date.now() - unansweredSinceMs > input.idempotencyHorizonMs) {
    await state.api.getBalance(cancellationSignal());
    return { unansweredSinceMs };
  }
  return createCandidate(state, input, candidate);
}

/** Fails while the balance has not grown beyond what did not cover a create. */
async function lookAtBalance(state: WorkerState, before: Progress, mustGrow: boolean): Promise<void> {
  const { available } = await state.api.getBalance(cancellationSignal());
  if (mustGrow && before.available === undefined) {
    Context.current().heartbeat({ ...before, available } satisfies Progress);
    throw outOfFunds(available);
  }
  const triesAnyway = !mustGrow && Context.current().info.attempt % LOOKS_PER_CREATE === 0;
  if (before.available === undefined || triesAnyway) return;
  if (compareDecimals(available, before.available) <= 0) {
    Context.current().heartbeat(before);
    throw outOfFunds(available);
  }
}

async function lookAtJob(state: WorkerState, cause: HoldCause, jobId: JobId): Promise<ProbeResult> {
  const job = await state.api.getJob(jobId, cancellationSignal()).catch((error: unknown) => {
    if (cancellationSignal().aborted || !isAccountWell(cause, error)) throw error;
  });
  if (!job) return {};
  // Its image is to be seen, and other rows wait meanwhile.
  if (cause.code === IMAGE_HOST && job.kind === 'unfinished') throw retryable(cause.message);
  if (cause.code === IMAGE_HOST && job.kind === 'done') {
    (await state.downloadImage(job.imageUrl, cancellationSignal())).release();
    return { isThrough: true };
  }
  return cause.code === IMAGE_HOST ? {} : { isThrough: true };
}

/** Buys the waiting row's generation: if that goes through, the cause has ended and nothing was bought in vain. */
async function createCandidate(
  state: WorkerState,
  { run, idempotencyHorizonMs }: ProbeInput,
  candidate: ProbeCandidate,
): Promise<ProbeResult> {
  const account = await state.runAccounts.check(run);
  const row = await state.shardRows.row({ run, ...candidate });
  // An earlier look may have been ended while it sent the same.
  const place = callbackRefOf({ ...candidate, run });
  const create = { ...candidate, run, row, place, idempotencyHorizonMs, isInDoubt: true };
  const outgoing = await outgoingCreate(state, create);
  // For the row itself to say.
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
    throw new RefusedCreate(error, row, sentAtMs);
  }
}

/** A create of the candidate that gave no job. */
class RefusedCreate extends Error {
  readonly row: ShardRow;
  readonly sentAtMs: number;

  constructor(cause: unknown, row: ShardRow, sentAtMs: number) {
    super('The create returned no job.', { cause });
    this.row = row;
    this.sentAtMs = sentAtMs;
  }
}

/** The failure that makes Temporal look again later, with what the next look must know. */
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
    const { available } = await state.api.getBalance(cancellationSignal());
    Context.current().heartbeat({ ...before, available } satisfies Progress);
    return outOfFunds(available);
  }
  if (error instanceof BananaHubError && error.code === 'job-not-found') return retryable(cause.message);
  const meaning = meaningOf(error, create && modeOf(create.row));
  if (meaning?.kind !== 'hold' && meaning?.kind !== 'passing') return error;
  const unanswered = create && mayHaveCreated(error) && { unansweredSinceMs: create.sentAtMs };
  const { message } = meaning.cause;
  // No one but this try knows of it yet, and between two tries it could not tell.
  const turn = cause.code === JOBS_MISSING ? createAmong(input) : inTurn(input);
  if (unanswered && turn && !turn.candidate.isReplay && turn.candidate.unansweredSinceMs === undefined) {
    const details: StillHeldDetails = { by: turn.by, ...unanswered };
    return ApplicationFailure.create({ type: STILL_HELD, message, details: [details], nonRetryable: true });
  }
  Context.current().heartbeat(before);
  return retryable(message, meaning.cause.retryAfterMs);
}

const STILL_HELD = 'StillHeld';

function outOfFunds(available: string): ApplicationFailure {
  return retryable(
    `Out of funds: ${available} available. Top up the account; the batch continues by itself.`,
  );
}

function retryable(message: string, nextRetryDelay?: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: STILL_HELD,
    message,
    ...(nextRetryDelay !== undefined && { nextRetryDelay }),
  });
}
