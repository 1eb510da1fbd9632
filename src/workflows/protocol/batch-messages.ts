import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ChangedSettings } from '../../domain/batch/batch-settings.js';
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
  /** Set where a batch continues in a new workflow run because its history has grown long. */
  readonly resumed?: ResumedBatch;
}

/** What a batch takes over into a new workflow run; no shard is open then. */
export interface ResumedBatch {
  readonly startedAt: string;
  readonly stoppedMs?: number;
  readonly shards: UnopenedShards;
  /** All rows of the shards that have ended, and those that no shard has. */
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
  /** As it was set last; absent without one. */
  readonly budget?: string;
}

/** The shards that a batch has not opened yet. */
export interface UnopenedShards {
  readonly nextShard: number;
  readonly shardCount: number;
  /** Rows of every shard but the last. */
  readonly shardRows: number;
  /** Rows of the first shard, where that is the run's canary. */
  readonly canaryRows?: number;
  /** Rows of these shards together. */
  readonly rows: number;
}

export type BatchEnd = 'completed' | 'cancelled';

export interface RunBatchResult {
  readonly end: BatchEnd;
  readonly tally: Tally;
}

/** What was read from the sheet; counts only, since this enters history. */
export interface IngestResult {
  readonly shardCount: number;
  /** Rows of every shard but the last. */
  readonly shardRows: number;
  /** Rows of the first shard, where that is the run's canary. */
  readonly canaryRows?: number;
  readonly rows: number;
  /** Rows that need nothing from this run, and those that were rejected. */
  readonly settled: Tally;
}

/** What a person may tell a running batch. */
export type Instruction =
  /** Nothing more is bought; what is in flight is stored. */
  | { readonly kind: 'pause' }
  /** Continues, and looks now whether the causes of holds have ended. `rebind`: the workers' key is the account's own. */
  | { readonly kind: 'resume'; readonly rebind?: boolean }
  | ({ readonly kind: 'set' } & ChangedSettings);

/** Where a batch is, apart from the rows of its open shards: ask those, and add. Kept in the memo as well. */
export interface BatchSnapshot {
  readonly run: RunRef;
  /** `submitted` until a worker takes the batch up. */
  readonly phase: 'submitted' | 'preparing' | 'running' | 'sealing' | BatchEnd | 'failed';
  /** A person, or one of `pauses`, has stopped buying. */
  readonly paused: boolean;
  /** What the batch itself has paused for; absent: nothing. */
  readonly pauses?: readonly Pause[];
  /** Absent for a run without a budget. */
  readonly budget?: BudgetStatus;
  readonly cancelling: boolean;
  readonly holds: readonly Hold[];
  /** How long holds and pauses have stopped it so far. */
  readonly stoppedMs?: number;
  /** All rows but those of the open shards. */
  readonly tally: Tally;
  readonly openShards: readonly { readonly shard: number; readonly rows: number }[];
  /** Images that earlier runs have stored; among `tally.stored` once the sheet is read. */
  readonly carriedStored: number;
  /** As asked for. */
  readonly concurrency: number;
  /** What 429s have left of it for now; absent: all. */
  readonly pace?: LoweredPace;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Why the run failed, for a person; absent where it has not, or only its history tells. */
  readonly failure?: string;
  readonly asOf: string;
}

/** The memo key under which a batch keeps its `BatchSnapshot`, and a shard its `Tally` with the time of it as `asOf`. */
export const SNAPSHOT_MEMO = 'bananaBatch';

/** For an instruction that is to wait until a worker takes it up; one that does not fit then changes nothing. */
export const instructSignal = defineSignal<[Instruction]>('instruct');

/** How far a workflow has come, as its worker knows it. */
export interface HistoryPosition {
  readonly runId: string;
  /** Events of its history, the start of its last task included. */
  readonly length: number;
  /** When that task was started. Milliseconds since the epoch. */
  readonly startedMs: number;
}

export const positionQuery = defineQuery<HistoryPosition>('position');

export const snapshotQuery = defineQuery<BatchSnapshot>('snapshot');

/** Each answers with the batch as it is then; told again, it changes nothing. Refused once the batch is cancelling or sealing. */
export const pauseUpdate = defineUpdate<BatchSnapshot>('pause');
export const resumeUpdate = defineUpdate<BatchSnapshot, [{ readonly rebind?: boolean } | undefined]>(
  'resume',
);
export const setUpdate = defineUpdate<BatchSnapshot, [ChangedSettings]>('set');

/** Ends the batch: no new jobs, those in flight get the grace. Accepted again while cancelling; refused once sealing. */
export const cancelUpdate = defineUpdate<BatchSnapshot>('cancel');
