import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { LeaseControl, LeaseReport } from '../../domain/money/budget.js';
import type { HoldCause, HoldScope, ModelMode } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { GenerationRecord, SettledRow } from '../../domain/rows/outcome.js';
import type { SlowPeriod } from '../../domain/time/pace.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { MissingJob } from '../../domain/rows/missing-job.js';
import type { FaultStep, RowFault } from '../../domain/batch/row-faults.js';
import type { LeaseLeft } from '../../domain/money/shard-lease.js';
import type { Slots } from '../../domain/batch/window.js';
import type { RunRef } from '../../storage/layout.js';

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
  /** What an image of each row costs, in row order, as runs of equal prices in millionths; absent without a budget. */
  readonly prices?: readonly { readonly price: number; readonly rows: number }[];
  /** Rows that an earlier execution of this shard has recorded, and how they ended. */
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
  /** Set where a shard continues in a new workflow run because its history has grown long. */
  readonly resumed?: ResumedShard;
}

/** What a shard takes over into a new workflow run; no row is in flight then, and every end is recorded. */
export interface ResumedShard {
  readonly rows: readonly LeftRow[];
  readonly given: { readonly released: number; readonly recallAnswered: number };
  readonly faultsMet: number;
  readonly trialsMade: number;
  /** Absent without a budget. */
  readonly lease?: LeaseLeft;
}

/** What a shard knows of a row that has not ended, besides what is recorded. */
export interface LeftRow {
  readonly row: number;
  readonly generation: number;
  readonly jobId: JobId | undefined;
  readonly unansweredSinceMs: number | undefined;
  /** No create of it is to be sent before. Milliseconds since the epoch; absent: at once. */
  readonly notBeforeMs?: number;
  /** As of `RowProgress`; absent where there is nothing to say. */
  readonly jobMadeMs?: number;
  readonly jobByMs?: number;
  readonly wasDone?: boolean;
  readonly unfinishedMs?: number;
  readonly missing?: MissingJob;
  readonly fault?: RowFault;
  readonly generations: readonly GenerationRecord[];
}

/** The whole of what a parent tells a shard; later ones (by `seq`) replace earlier ones. */
export interface ShardControl {
  /** Grows with every word, also over a reset of the parent. */
  readonly seq: number;
  /** The parent's workflow run. Another than before was taken back to an older state by a reset, and counts from there. */
  readonly parentRunId: string;
  /** What the parent calls this execution of the shard. */
  readonly execution: number;
  /** The parent is not told of this shard's end by Temporal: it wants word of it. */
  readonly isAdopted: boolean;
  /** As the parent counts them: it alone raises `granted` and `recalled`. */
  readonly slots: Slots;
  /** What the shard may spend; absent without a budget, and before anything was granted. */
  readonly lease?: LeaseControl;
  /** The number of the last trial that this shard is to make: one create in spite of the failure rate. */
  readonly trial: number;
  readonly paused: boolean;
  readonly cancelling: boolean;
  readonly heldScopes: readonly HoldScope[];
  /** The hold state these scopes come from; faults tell which one they had seen. */
  readonly holdSeq: number;
  /** More failures than that among the last generations hold the batch, in percent. */
  readonly maxFailureRate: number;
  /**
   * A person has said that jobs which the service does not know are gone for good: those that it had not found by then.
   * Milliseconds since the epoch; absent: no one has.
   */
  readonly missingAcceptedMs?: number;
  /** A job that was made for a probe, or found by it, and answered with 200 when nothing else witnessed; absent: none. */
  readonly witness?: Witness;
  /** When probes got through a step last by another row than the one that had failed. */
  readonly probed?: ProbedSteps;
  /** What the batch wants of this shard's rows, for a probe; absent: nothing. */
  readonly call?: RowCall;
  /** The service has asked the batch to create nothing before. Milliseconds since the epoch; absent: it has not. */
  readonly createsNotBeforeMs?: number;
  /** How many of this shard's faults the parent has taken in. */
  readonly faultsTaken: number;
}

/** Who speaks to a batch. Its workflow id says nothing of the run: after a reset an older one may be running again. */
export interface ShardSpeaker {
  readonly runSeq: number;
  readonly shard: number;
  /** Which execution of the shard speaks: its counts start again. */
  readonly execution: number;
}

/** A fault that a shard met, once per scope. */
export interface ShardFault extends ShardSpeaker {
  /** 1 for the shard's first fault. */
  readonly count: number;
  readonly cause: HoldCause;
  readonly holdSeq: number;
  /** The row that met it; absent where no row was concerned. */
  readonly candidate?: ProbeCandidate;
  /** Other rows of the shard by which a probe sees whose fault it is; absent: none. */
  readonly others?: readonly ProbeCandidate[];
  /** What a probe needs of rows of other shards, where the shard has none. */
  readonly need?: RowNeed;
}

/** A job that the service knows. */
export interface Witness {
  readonly jobId: JobId;
  /** When it was made at the earliest. Milliseconds since the epoch. */
  readonly madeMs: number;
}

export type ProbedSteps = Readonly<Partial<Record<FaultStep, number>>>;

/** What a probe needs of a row: to have got to a step, or a job that was made no earlier than a missing one. */
export type RowNeed =
  | { readonly kind: 'step'; readonly step: FaultStep }
  | { readonly kind: 'witness'; readonly madeFromMs: number };

/** The batch's call for rows by which a probe can see whose fault a fault is. */
export interface RowCall {
  /** Grows with every call, also over a reset of the parent. */
  readonly id: number;
  readonly need: RowNeed;
}

/** A shard's answer to a call. */
export interface RowOffer extends ShardSpeaker {
  readonly call: number;
  readonly others: readonly ProbeCandidate[];
  /** Jobs whose creates may be repeated, where creates are called for. */
  readonly replays: readonly ProbeCandidate[];
  /** Rows of the shard that are still without a job, those apart that are known to fail by themselves. */
  readonly leftToBuy: number;
}

/** A row with which to see whether a hold's cause has ended: by its create, or by a look at its job. */
export interface ProbeCandidate {
  readonly shard: number;
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  /** When a create of it was sent first whose answer never came. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** When the job was made at the earliest. Milliseconds since the epoch; absent: not known. */
  readonly madeMs?: number;
  /** The create of its job is to be repeated with the same key, which makes no other job. */
  readonly isReplay?: true;
}

/** What a probe did for a waiting row: created its job, or sent a create whose answer never came. */
export interface ProbedRow {
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  readonly unansweredSinceMs?: number;
}

export interface SlotRelease extends ShardSpeaker {
  /** Slots that this execution has released so far. */
  readonly released: number;
  /** How much of what was recalled is among them. */
  readonly recallAnswered: number;
  /** It has started its last row and wants no more slots. */
  readonly exhausted: boolean;
}

/** What a shard's one create in spite of the failure rate came to; `none` where no row could make it. */
export interface TrialEnd extends ShardSpeaker {
  readonly trial: number;
  readonly verdict: 'image' | 'failure' | 'none';
}

/** A create of a shard met a 429. Milliseconds since the epoch. */
export type SlowDown = ShardSpeaker & SlowPeriod;

export interface RunShardResult {
  readonly tally: Tally;
  /** Of a run's canary: how long its jobs took from create to done; at most 200. */
  readonly durationsMs?: readonly number[];
}

/** One step that a row has come to, for `row`. */
export interface RowView {
  readonly phase: 'pending' | 'inFlight' | 'copying' | 'settled';
  /** Since when it waits for its create's answer, for its job, or for its image to be copied. Milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly generation: number;
  readonly jobId?: JobId;
  readonly generations: readonly GenerationRecord[];
  readonly end?: SettledRow['end'];
  /** It has failed alone, and has not got through since: between its tries it waits aside. */
  readonly fault?: Pick<RowFault, 'step' | 'sinceMs' | 'failures'>;
  /** The service does not find its job, which is looked for again and again. */
  readonly isJobMissing?: true;
}

/** The rows of a shard that are longest at one step, longest first, and what is usual there. */
export interface OldestRows {
  readonly rows: readonly {
    readonly row: number;
    readonly phase: 'inFlight' | 'copying';
    readonly sinceMs: number;
    readonly generation: number;
    readonly jobId?: JobId;
  }[];
  /** How long the shard's last jobs took from create to done; at most 200. */
  readonly durationsMs: readonly number[];
  /** Rows that wait aside, by why: the service keeps failing for them alone, or does not find their jobs. */
  readonly aside: { readonly failing: number; readonly missing: number };
}

/** How many of its oldest rows a shard tells, and `status` shows of the whole batch. */
export const OLDEST_ROWS = 5;

export const controlSignal = defineSignal<[ShardControl]>('control');
export const probedRowSignal = defineSignal<[ProbedRow]>('probedRow');
export const shardFaultSignal = defineSignal<[ShardFault]>('shardFault');
export const leaseWordSignal = defineSignal<[ShardSpeaker & LeaseReport]>('lease');
export const slotReleaseSignal = defineSignal<[SlotRelease]>('slotRelease');
/** From a shard whose end Temporal does not tell its batch. */
export const shardEndSignal = defineSignal<[ShardSpeaker]>('shardEnd');
export const slowDownSignal = defineSignal<[SlowDown]>('slowDown');
export const rowOfferSignal = defineSignal<[RowOffer]>('rowOffer');
export const trialEndSignal = defineSignal<[TrialEnd]>('trialEnd');
export const shardTallyQuery = defineQuery<Tally>('tally');
export const oldestRowsQuery = defineQuery<OldestRows>('oldest');
export const rowQuery = defineQuery<RowView | undefined, [number]>('row');
