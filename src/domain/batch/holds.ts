import type { InputMode, Model } from '../rows/generation-settings.js';
import type { MissingJob } from '../rows/missing-job.js';
import type { Told } from '../text/kept-text.js';

/** What is stopped together: only rows that need the scope wait for it. */
export type HoldScope = 'account' | 'service' | 'storage' | 'failure-rate' | `model:${Model}:${InputMode}`;

/** Why a scope is held; `message` is for a person and says what ends the hold. */
export interface HoldCause extends Told {
  readonly scope: HoldScope;
  readonly code: string;
  /** The HTTP status of the service or of the image host; absent where none was answered. */
  readonly status?: number;
  /** What the service asked to wait before anybody asks again: no probe comes earlier. Absent where it named no time. */
  readonly retryAfterMs?: number;
}

/** The code of an account's hold whose cause is that jobs it has paid for are not known any more. */
export const JOBS_MISSING = 'jobs-missing';

/** A hold in force. Times are ISO 8601. */
export interface Hold extends HoldCause {
  readonly since: string;
  /** When a row is tried next, for a hold that only the end of a row's job can lift. */
  readonly nextTrialAt?: string;
}

/** The holds of a batch. `seq` counts the changes; `releasedAt` says at which of them a scope was released last. */
export interface HoldState {
  readonly seq: number;
  readonly holds: readonly Hold[];
  readonly releasedAt: Readonly<Record<string, number>>;
}

export const NO_HOLDS: HoldState = { seq: 0, holds: [], releasedAt: {} };

/**
 * The state after a fault, seen by someone who knew the state of `seenSeq`. Unchanged where the scope is held already,
 * and where the fault is older than the scope's last release: its cause has ended since.
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

/** The state after the cause of a scope's hold has ended; unchanged where it is not held. */
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

/** The scopes that a row needs before its job may be created. A full bucket stops buying too. */
export function scopesOfCreate(mode: ModelMode): readonly HoldScope[] {
  return ['account', 'service', 'storage', 'failure-rate', `model:${mode}`];
}

/** The scopes that a row needs while its job is awaited. Not the account: what is paid is collected out of funds too. */
export const SCOPES_OF_AWAIT: readonly HoldScope[] = ['service'];

/** The scopes that a row needs while its image is copied. */
export const SCOPES_OF_STORE: readonly HoldScope[] = ['service', 'storage'];

/** A model with its input mode, as in the endpoints of the API. */
export type ModelMode = `${Model}:${InputMode}`;

/** The failure type by which an activity tells a workflow that the batch must be held, and no row blamed. */
export const BATCH_FAULT = 'BatchFault';

/** What accompanies such a failure. */
export interface BatchFaultDetails {
  readonly cause: HoldCause;
  /** Set where a create may have reached the service without its answer reaching us. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** How long the job of the row was seen unfinished so far; set where one was awaited. */
  readonly unfinishedMs?: number;
  /** How often in a row the row's job was not found so far. */
  readonly missing?: MissingJob;
  /** How long the step has failed for this row before it gave up, and how long one row alone may. */
  readonly failedMs?: number;
  readonly rowLimitMs?: number;
}
