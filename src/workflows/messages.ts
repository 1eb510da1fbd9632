import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Hold, HoldCause, HoldScope, ModelMode } from '../domain/holds.js';
import type { BatchId, JobId } from '../domain/ids.js';
import type { GenerationRecord, SettledRow } from '../domain/outcome.js';
import type { Tally } from '../domain/tally.js';
import type { RunRef } from '../storage/layout.js';

/** What a person may set for a run. Times in milliseconds. */
export interface RunSettings {
  /** Most rows with an unfinished job at once, over the whole batch. */
  readonly concurrency: number;
  /** Most generations a row may use, the first included. */
  readonly maxGenerations: number;
  /** A job unfinished for longer fails its row; absent: wait for ever. */
  readonly jobTimeoutMs?: number;
  /** What a cancelled batch grants its jobs in flight. */
  readonly graceMs: number;
  /** A create unanswered for longer is not repeated: the service may have forgotten its key. */
  readonly idempotencyHorizonMs: number;
  /** First and longest wait between two looks whether a hold's cause has ended. */
  readonly probeFirstMs: number;
  readonly probeLongestMs: number;
}

export interface RunBatchInput {
  readonly run: RunRef;
  readonly settings: RunSettings;
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
  readonly rows: number;
  /** Rows that need nothing from this run, and those that were rejected. */
  readonly settled: Tally;
}

/** A row of a shard that does not start from its first generation. */
export interface KnownRow {
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  readonly unansweredSinceMs?: number;
  /** Since when an earlier run that was ended unrecorded may have made this and later generations. Milliseconds since the epoch. */
  readonly openedSinceMs?: number;
  /** It has an image of an earlier generation, which it keeps where it gets no new one. */
  readonly hasImage?: true;
}

/** What a shard must know of its rows: no prompts, no ids. */
export interface ShardOverview {
  /** The model and mode of the rows, in row order, as runs of equal ones. */
  readonly modes: readonly { readonly mode: ModelMode; readonly rows: number }[];
  readonly known: readonly KnownRow[];
  /** Rows that an earlier execution of this shard has recorded, and what they came to. */
  readonly recorded: { readonly rows: readonly number[]; readonly tally: Tally };
  /** The number of the next part to write. */
  readonly nextPart: number;
}

export interface RunShardInput {
  readonly run: RunRef;
  readonly shard: number;
  /** 1, or 2 where the shard's first execution was ended from outside. */
  readonly execution: number;
  readonly settings: RunSettings;
  readonly control: ShardControl;
}

/** The whole of what a parent tells a shard; later ones (by `seq`) replace earlier ones. */
export interface ShardControl {
  readonly seq: number;
  /** Slots granted since the shard began; the shard subtracts what it has released. */
  readonly granted: number;
  readonly paused: boolean;
  readonly cancelling: boolean;
  readonly heldScopes: readonly HoldScope[];
  /** The hold state these scopes come from; faults tell which one they had seen. */
  readonly holdSeq: number;
  /** How many of this shard's faults the parent has taken in. */
  readonly faultsTaken: number;
}

/** A fault that a shard met, once per scope. */
export interface ShardFault {
  readonly shard: number;
  /** Which execution of the shard speaks: its counts start anew. */
  readonly execution: number;
  /** 1 for the shard's first fault. */
  readonly count: number;
  readonly cause: HoldCause;
  readonly holdSeq: number;
  /** Absent where no row was concerned. */
  readonly candidate?: ProbeCandidate;
}

/** A row with which to see whether a hold's cause has ended: by its create, or by a look at its job. */
export interface ProbeCandidate {
  readonly shard: number;
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  /** When a create of it was sent first whose answer never came. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
}

/** What a probe did for a waiting row: created its job, or sent a create whose answer never came. */
export interface ProbedRow {
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  readonly unansweredSinceMs?: number;
}

export interface SlotRelease {
  readonly shard: number;
  readonly execution: number;
  /** Slots that this execution has released so far. */
  readonly released: number;
}

export interface RunShardResult {
  readonly tally: Tally;
}

/** One step that a row has come to, for `row` and the oldest rows of `status`. */
export interface RowView {
  readonly phase: 'pending' | 'inFlight' | 'copying' | 'settled';
  readonly generation: number;
  readonly jobId?: JobId;
  readonly generations: readonly GenerationRecord[];
  readonly end?: SettledRow['end'];
}

/** Where a batch is, apart from the rows of its open shards: ask those, and add. Kept in the memo as well. */
export interface BatchSnapshot {
  readonly run: RunRef;
  /** `submitted` until a worker takes the batch up. */
  readonly phase: 'submitted' | 'preparing' | 'running' | 'sealing' | BatchEnd | 'failed';
  readonly paused: boolean;
  readonly cancelling: boolean;
  readonly holds: readonly Hold[];
  /** All rows but those of the open shards. */
  readonly tally: Tally;
  readonly openShards: readonly { readonly shard: number; readonly rows: number }[];
  /** Images that earlier runs have stored; among `tally.stored` once the sheet is read. */
  readonly carriedStored: number;
  readonly concurrency: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly asOf: string;
}

/** The memo key under which a batch keeps its `BatchSnapshot`, and a shard its `Tally`. */
export const SNAPSHOT_MEMO = 'bananaBatch';

export const controlSignal = defineSignal<[ShardControl]>('control');
export const probedRowSignal = defineSignal<[ProbedRow]>('probedRow');
export const shardFaultSignal = defineSignal<[ShardFault]>('shardFault');
export const slotReleaseSignal = defineSignal<[SlotRelease]>('slotRelease');

export const snapshotQuery = defineQuery<BatchSnapshot>('snapshot');
export const shardTallyQuery = defineQuery<Tally>('tally');
export const rowQuery = defineQuery<RowView | undefined, [number]>('row');

/** Ends the batch: no new jobs, those in flight get the grace. Accepted again while cancelling; refused once sealing. */
export const cancelUpdate = defineUpdate<BatchSnapshot>('cancel');

/** The workflow id of a batch: one function, used everywhere. */
export function batchWorkflowId(batchId: BatchId): string {
  return `batch:${batchId}`;
}

/** The workflow id of one of a run's shards. */
export function shardWorkflowId(run: Pick<RunRef, 'batchId' | 'runSeq'>, shard: number): string {
  return `${batchWorkflowId(run.batchId)}/${run.runSeq}/${shard}`;
}

/** The task queues derived from the one that a deployment names. */
export function taskQueues(base: string): {
  readonly main: string;
  readonly create: string;
  readonly await: string;
  readonly store: string;
} {
  return { main: base, create: `${base}-create`, await: `${base}-await`, store: `${base}-store` };
}

/** The id of the activity that probes a scope. */
export function probeActivityId(scope: string): string {
  return `probe:${scope}`;
}
