import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ChangedSettings } from '../../domain/batch/batch-settings.js';
import type { MoneyLeft } from '../../domain/money/batch-money.js';
import type { ImagePrice } from '../../domain/money/price-table.js';
import type { BudgetStatus } from '../../domain/money/budget.js';
import type { Hold } from '../../domain/batch/holds.js';
import type { SlowPeriod, LoweredPace } from '../../domain/time/pace.js';
import type { Pause } from '../../domain/batch/pause.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { RunRef } from '../../storage/layout.js';

export interface RunBatchInput {
  readonly run: RunRef;
  readonly settings: RunSettings;
  /** Set if a batch continues in a new workflow run because its history has grown long. */
  readonly resumed?: ResumedBatch;
}

/** State of a batch that its next workflow run starts from; no shard is open then. */
export interface ResumedBatch {
  readonly startedAt: string;
  readonly stoppedMs?: number;
  readonly shards: UnopenedShards;
  /** All rows of the ended shards, and those that belong to no shard. */
  readonly settled: Tally;
  readonly carriedStored: number;
  readonly paused: boolean;
  readonly pauses?: readonly Pause[];
  readonly missingAcceptedMs?: number;
  /** The account ran out of funds in an earlier workflow run of the batch's run. */
  readonly ranOutOfFunds?: true;
  readonly concurrency: number;
  readonly slowPeriods?: readonly SlowPeriod[];
  readonly maxFailureRate: number;
  /** The last budget that was set, and the prices by which it counts; absent without one. */
  readonly budget?: string;
  readonly prices?: readonly ImagePrice[];
  /** What was granted of it. */
  readonly money?: MoneyLeft;
}

/** The shards that a batch has not opened yet. */
export interface UnopenedShards {
  readonly nextShard: number;
  readonly shardCount: number;
  /** Rows of each shard except the last. */
  readonly shardRows: number;
  /** Rows of the first shard if that is the run's canary. */
  readonly canaryRows?: number;
  /** Total rows of these shards. */
  readonly rows: number;
}

export type BatchEnd = 'completed' | 'cancelled';

export interface RunBatchResult {
  readonly end: BatchEnd;
  readonly tally: Tally;
}

/** Result of reading the sheet; counts only, since it enters the history. */
export interface IngestResult {
  readonly shardCount: number;
  /** Rows of each shard except the last. */
  readonly shardRows: number;
  /** Rows of the first shard if that is the run's canary. */
  readonly canaryRows?: number;
  readonly rows: number;
  /** Rows that need nothing from this run, and rejected ones. */
  readonly settled: Tally;
}

/** A person's command to a running batch. */
export type Instruction =
  /** Buys nothing more; images of jobs in flight are stored. */
  | { readonly kind: 'pause' }
  /** Continues, and checks at once whether the causes of holds have ended. `rebind`: the workers' key belongs to the batch's account. */
  | { readonly kind: 'resume'; readonly rebind?: boolean }
  | ({ readonly kind: 'set' } & ChangedSettings);

/** The state of a batch without the rows of its open shards: query those and add them. Also kept in the memo. */
export interface BatchSnapshot {
  readonly run: RunRef;
  /** `submitted` until a worker starts the batch. */
  readonly phase: 'submitted' | 'preparing' | 'running' | 'sealing' | BatchEnd | 'failed';
  /** A person, or one of `pauses`, has stopped buying. */
  readonly paused: boolean;
  /** Why the batch paused itself; absent: it has not. */
  readonly pauses?: readonly Pause[];
  /** Absent for a run without a budget. */
  readonly budget?: BudgetStatus;
  readonly cancelling: boolean;
  readonly holds: readonly Hold[];
  /** How long holds and pauses have stopped the batch so far. */
  readonly stoppedMs?: number;
  /** All rows except those of the open shards. */
  readonly tally: Tally;
  readonly openShards: readonly { readonly shard: number; readonly rows: number }[];
  /** Images stored by earlier runs; part of `tally.stored` once the sheet is read. */
  readonly carriedStored: number;
  /** As requested. */
  readonly concurrency: number;
  /** The concurrency after 429s; absent: the requested one. */
  readonly pace?: LoweredPace;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Why the run failed, as a message for users; absent if it has not, or if only its history shows why. */
  readonly failure?: string;
  readonly asOf: string;
}

/** The memo key of a batch's `BatchSnapshot`, and of a shard's `Tally` with its time as `asOf`. */
export const SNAPSHOT_MEMO = 'bananaBatch';

/** For an instruction that waits until a worker runs; it has no effect if it is no longer valid then. */
export const instructSignal = defineSignal<[Instruction]>('instruct');

/** A workflow's position in its history, as its worker knows it. */
export interface HistoryPosition {
  readonly runId: string;
  /** Number of events in its history, including the start of its last task. */
  readonly length: number;
  /** When that task was started. Milliseconds since the epoch. */
  readonly startedMs: number;
  /** Activities that the workflow waits for. */
  readonly activities: number;
}

export const positionQuery = defineQuery<HistoryPosition>('position');

export const snapshotQuery = defineQuery<BatchSnapshot>('snapshot');

/** Each returns the batch's new state. Idempotent. Refused once the batch is cancelling or sealing. */
export const pauseUpdate = defineUpdate<BatchSnapshot>('pause');
export const resumeUpdate = defineUpdate<BatchSnapshot, [{ readonly rebind?: boolean } | undefined]>(
  'resume',
);
export const setUpdate = defineUpdate<BatchSnapshot, [ChangedSettings]>('set');

/** Ends the batch: no new jobs, those in flight get the grace period. Accepted again while cancelling; refused once sealing. */
export const cancelUpdate = defineUpdate<BatchSnapshot>('cancel');
