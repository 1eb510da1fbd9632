import type { InputMode, Model } from '../rows/generation-settings.js';
import type { MissingJob } from '../rows/missing-job.js';
import type { FailureMessage } from '../text/failure-message.js';

/** What is held together: only rows that need the scope wait for it. */
export type HoldScope = 'account' | 'service' | 'storage' | 'failure-rate' | `model:${Model}:${InputMode}`;

/** Why a scope is held; `message` is for users and says what ends the hold. */
export interface HoldCause extends FailureMessage {
  readonly scope: HoldScope;
  readonly code: string;
  /** The HTTP status of the service or the image host; absent without an answer. */
  readonly status?: number;
  /** The wait that the service requested: no probe is sent earlier. Absent if it named none. */
  readonly retryAfterMs?: number;
}

/** The code of an account's hold because paid jobs are no longer known. */
export const JOBS_MISSING = 'jobs-missing';

/** An active hold. Times are ISO 8601. */
export interface Hold extends HoldCause {
  readonly since: string;
  /** Next trial of a row, for a hold that only the end of a row's job can release. */
  readonly nextTrialAt?: string;
}

/** The holds of a batch. `seq` counts the changes; `releasedAt` has the change at which each scope was last released. */
export interface HoldState {
  readonly seq: number;
  readonly holds: readonly Hold[];
  readonly releasedAt: Readonly<Record<string, number>>;
}

export const NO_HOLDS: HoldState = { seq: 0, holds: [], releasedAt: {} };

/**
 * The state after a fault that was met with the state of `seenSeq`. Unchanged if the scope is already held, or if the
 * fault is older than the scope's last release, since its cause has ended.
 */
export function raiseHold(
  state: HoldState,
  cause: HoldCause,
  options: { readonly seenSeq: number; readonly now: string },
): HoldState {
  if (isHeld(state, cause.scope)) return state;
  if (options.seenSeq < (state.releasedAt[cause.scope] ?? 0)) return state;
  return { ...state, seq: state.seq + 1, holds: [...state.holds, { ...cause, since: options.now }] };
}

/** The state after the cause of a scope's hold has ended; unchanged if the scope is not held. */
export function releaseHold(state: HoldState, scope: HoldScope): HoldState {
  if (!isHeld(state, scope)) return state;
  const seq = state.seq + 1;
  return {
    seq,
    holds: state.holds.filter((hold) => hold.scope !== scope),
    releasedAt: { ...state.releasedAt, [scope]: seq },
  };
}

export function isHeld(state: HoldState, scope: HoldScope): boolean {
  return state.holds.some((hold) => hold.scope === scope);
}

/** The scopes that a row needs to create its job. They include the bucket: when it is full, buying stops. */
export function scopesOfCreate(mode: ModelMode): readonly HoldScope[] {
  return ['account', 'service', 'storage', 'failure-rate', `model:${mode}`];
}

/** The scopes that a row needs while its job is awaited. Not the account: paid jobs are collected even without funds. */
export const SCOPES_OF_AWAIT: readonly HoldScope[] = ['service'];

/** The scopes that a row needs while its image is copied. */
export const SCOPES_OF_STORE: readonly HoldScope[] = ['service', 'storage'];

/** A model with its input mode, as in the API's endpoints. */
export type ModelMode = `${Model}:${InputMode}`;

/** The failure type with which an activity tells a workflow to hold the batch, without blaming the row. */
export const BATCH_FAULT = 'BatchFault';

/** Details of such a failure. */
export interface BatchFaultDetails {
  readonly cause: HoldCause;
  /** Set if a create may have reached the service although no answer arrived. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** How long the row's job was seen unfinished so far; set if one was awaited. */
  readonly unfinishedMs?: number;
  /** Consecutive 404s of the row's job so far. */
  readonly missing?: MissingJob;
  /** How long the step failed for this row before it gave up, and the limit for a row alone. */
  readonly failedMs?: number;
  readonly rowLimitMs?: number;
}
