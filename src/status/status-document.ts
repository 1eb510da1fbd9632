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

/** What `status --json` prints; scripts rely on it. Times are ISO 8601. */
export interface BatchStatus extends Tally {
  readonly batchId: string;
  readonly state: BatchState;
  /** Why the batch is stopped or failed, for a person. */
  readonly reason: string | undefined;
  readonly holds: readonly {
    readonly scope: string;
    readonly code: string;
    readonly message: string;
    readonly since: string;
    readonly nextProbeAt: string | undefined;
    /** The fingerprint of what the service said when the hold began; absent where it said nothing. */
    readonly textId?: string;
    /** What it said then; only `status` reads it. */
    readonly said?: string;
  }[];
  readonly paused: boolean;
  /** Undefined for a run without a budget. */
  readonly budget: BudgetStatus | undefined;
  /** What the batch itself has paused for; empty where that is not its state. */
  readonly pauses: readonly Pause[];
  readonly runSeq: number;
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly imagesPerMinute: number | undefined;
  readonly etaSeconds: readonly [low: number, high: number] | undefined;
  /** The rows that are longest at one step, longest first, at most 5; empty where no worker told. */
  readonly oldestRows: readonly OldestRow[];
  /** Within what time 19 of 20 of the last jobs ended; undefined where fewer than 20 are known. */
  readonly usualSeconds: number | undefined;
  /** Of the pending rows, those that wait aside: the service fails for them alone, or does not find their jobs. */
  readonly aside: { readonly failing: number; readonly missing: number };
  readonly concurrency: number | undefined;
  /** What 429s of the service have left of the concurrency for now; undefined where it is what was asked for. */
  readonly pace: StatusPace | undefined;
  /** Images that earlier runs of the batch have stored; they are among `stored`. */
  readonly carried: number;
  /** Workers seen in the last minute or so; undefined where Temporal was not asked. */
  readonly workers: number | undefined;
  /** When these numbers were true. */
  readonly asOf: string;
  /** `s3://bucket/prefix/batch/` */
  readonly location: string;
}

/** Whether a batch still works. */
export function isOpen({ state }: Pick<BatchStatus, 'state'>): boolean {
  return !['completed', 'cancelled', 'failed'].includes(state);
}

/** A pace that the service has asked to lower. */
export interface StatusPace {
  /** Most rows with an unfinished job at once. */
  readonly concurrency: number;
  /** Nothing is created before; undefined once that is past. */
  readonly notBefore: string | undefined;
  /** When it will be what was asked for, if no more 429 comes. */
  readonly fullAt: string;
}

/** A row that is in flight or copied for a while. */
export interface OldestRow {
  /** Undefined where the bucket does not tell. */
  readonly rowId: string | undefined;
  readonly phase: 'inFlight' | 'copying';
  /** Since its create was sent, its job was made, or its job was done. */
  readonly ageSeconds: number;
  readonly generation: number;
  /** Undefined while its job is being made. */
  readonly jobId: string | undefined;
}

/** The part of a status that only workers could tell. */
export const NO_OLDEST_ROWS = {
  oldestRows: [],
  usualSeconds: undefined,
  aside: { failing: 0, missing: 0 },
} as const;

/** A status as one JSON document: every field is there, `null` where nothing is known. */
export function statusJson(status: BatchStatus): string {
  return JSON.stringify(status, (_, value: unknown) => value ?? null);
}
