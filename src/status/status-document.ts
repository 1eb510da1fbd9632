import type { BudgetStatus } from '../domain/money/budget.js';
import type { Pause } from '../domain/batch/pause.js';
import type { Tally } from '../domain/batch/tally.js';

export type BatchState =
  | 'preparing'
  | 'running'
  | 'paused'
  | 'held'
  /** Its workflow cannot continue: `reason` says why. */
  | 'stuck'
  | 'cancelling'
  | 'sealing'
  | 'completed'
  | 'cancelled'
  | 'failed';

/** The output of `status --json`; scripts rely on it. Times are ISO 8601. */
export interface BatchStatus extends Tally {
  readonly batchId: string;
  readonly state: BatchState;
  /** Why the batch is stopped or failed, for users. */
  readonly reason: string | undefined;
  readonly holds: readonly {
    readonly scope: string;
    readonly code: string;
    readonly message: string;
    readonly since: string;
    readonly nextProbeAt: string | undefined;
    /** The id of the service's text when the hold began; absent if there was none. */
    readonly textId?: string;
    /** That text; only `status` reads it. */
    readonly said?: string;
  }[];
  readonly paused: boolean;
  /** Undefined for a run without a budget. */
  readonly budget: BudgetStatus | undefined;
  /** Why the batch paused itself; empty in other states. */
  readonly pauses: readonly Pause[];
  readonly runSeq: number;
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly imagesPerMinute: number | undefined;
  readonly etaSeconds: readonly [low: number, high: number] | undefined;
  /** The rows that are longest at one step, longest first, at most 5; empty if no worker reported. */
  readonly oldestRows: readonly OldestRow[];
  /** Time within which 19 of 20 of the last jobs ended; undefined if fewer than 20 are known. */
  readonly usualSeconds: number | undefined;
  /** Of the pending rows, those that wait aside: the service fails only for them, or does not find their jobs. */
  readonly aside: { readonly failing: number; readonly missing: number };
  readonly concurrency: number | undefined;
  /** The lowered concurrency after 429s of the service; undefined at the requested one. */
  readonly pace: StatusPace | undefined;
  /** Images that earlier runs of the batch have stored; part of `stored`. */
  readonly carried: number;
  /** Workers seen in the last minute or so; undefined if Temporal was not asked. */
  readonly workers: number | undefined;
  /** When these numbers were current. */
  readonly asOf: string;
  /** `s3://bucket/prefix/batch/` */
  readonly location: string;
}

/** Whether a batch is not finished. */
export function isOpen({ state }: Pick<BatchStatus, 'state'>): boolean {
  return !['completed', 'cancelled', 'failed'].includes(state);
}

/** A pace lowered by the service. */
export interface StatusPace {
  /** Maximum number of jobs in flight. */
  readonly concurrency: number;
  /** Nothing is created before this time; undefined once it is past. */
  readonly notBefore: string | undefined;
  /** When the full concurrency will be reached, if no more 429 comes. */
  readonly fullAt: string;
}

/** A row that has been in flight or copying for a while. */
export interface OldestRow {
  /** Undefined if the bucket does not answer. */
  readonly rowId: string | undefined;
  readonly phase: 'inFlight' | 'copying';
  /** Since its create was sent, its job was made, or its job was done. */
  readonly ageSeconds: number;
  readonly generation: number;
  /** Undefined while its job is being created. */
  readonly jobId: string | undefined;
}

/** The part of a status that only workers know. */
export const NO_OLDEST_ROWS = {
  oldestRows: [],
  usualSeconds: undefined,
  aside: { failing: 0, missing: 0 },
} as const;

/** A status as one JSON document: every field is present, `null` if unknown. */
export function statusJson(status: BatchStatus): string {
  return JSON.stringify(status, (_, value: unknown) => value ?? null);
}
