import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { LeaseControl, LeaseReport } from '../../domain/money/budget.js';
import type { ImagePrice } from '../../domain/money/price-table.js';
import type { HoldCause, HoldScope, ModelMode } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { GenerationRecord, SettledRow } from '../../domain/rows/outcome.js';
import type { SlowPeriod } from '../../domain/time/pace.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { MissingJob } from '../../domain/rows/missing-job.js';
import type { FaultStep, RowFault, SucceededSteps } from '../../domain/batch/row-faults.js';
import type { LeaseLeft } from '../../domain/money/shard-lease.js';
import type { Slots } from '../../domain/batch/window.js';
import type { RunRef } from '../../storage/layout.js';

/** A row of a shard that does not start from its first generation. */
export interface KnownRow {
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  readonly unansweredSinceMs?: number;
  /** Since when a run that ended unrecorded may have made this and later generations. Milliseconds since the epoch. */
  readonly openedSinceMs?: number;
  /** See `RowStart`. */
  readonly failedAlone?: true;
  /** The row has an image of an earlier generation, and keeps it if it gets no new one. */
  readonly hasImage?: true;
}

/** What a shard must know of its rows, without prompts and ids. */
export interface ShardOverview {
  /** Models and modes of the rows in row order, run-length encoded. */
  readonly modes: readonly { readonly mode: ModelMode; readonly rows: number }[];
  readonly known: readonly KnownRow[];
  /** Rows that an earlier execution of this shard has recorded, and their outcomes. */
  readonly recorded: { readonly rows: readonly number[]; readonly tally: Tally };
  /** The number of the next part to write. */
  readonly nextPart: number;
}

export interface RunShardInput {
  readonly run: RunRef;
  readonly shard: number;
  readonly settings: RunSettings;
  readonly control: ShardControl;
  /** Set if a shard continues in a new workflow run because its history has grown long. */
  readonly resumed?: ResumedShard;
}

/** State of a shard that its next workflow run starts from; no row is in flight then, and every outcome is recorded. */
export interface ResumedShard {
  readonly rows: readonly LeftRow[];
  readonly slotsReturned: number;
  /** The number of the last report. */
  readonly reportSeq: number;
  /** The id of the last fault. */
  readonly faultMet: number;
  readonly trialsMade: number;
  /** When rows or probes last succeeded in a step. */
  readonly succeeded: SucceededSteps;
  /** Absent without a budget. */
  readonly lease?: LeaseLeft;
  /** Without a budget: rows that a probe may buy. */
  readonly offered?: readonly number[];
}

/** What a shard knows of an unfinished row, besides what is recorded. */
export interface LeftRow {
  readonly row: number;
  readonly generation: number;
  readonly jobId: JobId | undefined;
  readonly unansweredSinceMs: number | undefined;
  /** No create of it may be sent before this time, in milliseconds since the epoch; absent: at once. */
  readonly notBeforeMs?: number;
  /** See `RowProgress`; absent if unknown. */
  readonly jobMadeMs?: number;
  readonly jobByMs?: number;
  readonly wasDone?: boolean;
  readonly unfinishedMs?: number;
  readonly missing?: MissingJob;
  readonly fault?: RowFault;
  readonly generations: readonly GenerationRecord[];
}

/**
 * All that a shard must know: what its batch sends. A later one (by `seq`) replaces earlier ones, so that it may be
 * repeated, overtaken, or lost behind a later one.
 */
export interface ShardControl {
  /** Increases with every message, also after a reset of the parent. */
  readonly seq: number;
  /** The parent's workflow run. A new one means that the parent was reset to an older state, and counts from there. */
  readonly parentRunId: string;
  /** The parent's number of this execution of the shard, whose counts start with it. */
  readonly execution: number;
  /** Temporal does not report this shard's end to the parent: the shard must signal it. */
  readonly isAdopted: boolean;
  /** As counted by the parent, which alone raises `granted`. */
  readonly slots: Slots;
  /** Absent without a budget. */
  readonly budget?: BudgetControl;
  /** The number of the last trial for this shard: one create despite the failure rate. */
  readonly trial: number;
  readonly paused: boolean;
  readonly cancelling: boolean;
  readonly heldScopes: readonly HoldScope[];
  /** The hold state of these scopes; a fault names the state that its shard had seen. */
  readonly holdSeq: number;
  /** The batch is held if more than this many percent of the last generations failed. */
  readonly maxFailureRate: number;
  /**
   * When a person confirmed that the jobs missing by then are gone for good.
   * Milliseconds since the epoch; absent: nobody has.
   */
  readonly missingAcceptedMs?: number;
  /** A job that a probe made or found and that was answered with 200 when no other witness existed; absent: none. */
  readonly witness?: Witness;
  /** When probes last succeeded in a step with another row than the one that failed. */
  readonly probed?: SucceededSteps;
  /** The batch's request for rows of this shard for a probe; absent: none. */
  readonly call?: RowCall;
  /** After a 429 the batch may create nothing before this time. Milliseconds since the epoch; absent: no limit. */
  readonly createsNotBeforeMs?: number;
  /** What probes did for rows of this shard, until a report says that the shard knows. */
  readonly probedRows: readonly ProbedRow[];
  /** The last report that the parent has taken: the shard need not repeat what only happens once. 0: none. */
  readonly reportTaken: number;
}

/** What a shard must know of its batch's budget. */
export interface BudgetControl {
  readonly prices: readonly ImagePrice[];
  /** The batch got its budget later, and does not know yet what the shard bought before: the shard reports it. */
  readonly countsPast?: true;
  /** What the shard may spend; absent before its first report. */
  readonly lease?: LeaseControl;
}

/** The sender of a message to a batch. The workflow id does not identify the run: after a reset an older one may be running again. */
export interface ShardSender {
  readonly runSeq: number;
  readonly shard: number;
  /** The first of the workflow runs of which the sender is one: by continuation or reset. Another one is another shard workflow. */
  readonly firstRunId: string;
  /** The execution in the last control that the sender has taken: Temporal may hand that of another one to a run that was reset. */
  readonly execution: number;
}

/**
 * All that a batch must know of a shard. A later one (by `seq`) of the same execution replaces earlier ones. What only
 * happens once (`faults`, `slowDown`, `offer`, `trialEnd`) stays in it until a control names a report that had it.
 */
export interface ShardReport extends ShardSender {
  /** Increases with every report, also after a reset of the shard. */
  readonly seq: number;
  /** The last control that the shard has taken. */
  readonly controlTaken: number;
  /** Slots that this execution has returned so far. */
  readonly slotsReturned: number;
  /** The shard has started its last row and wants no more slots. */
  readonly exhausted: boolean;
  /** Absent without a budget, and before money was requested. */
  readonly lease?: LeaseReport;
  readonly faults: readonly ShardFault[];
  /** The last 429 of a create; absent: none. */
  readonly slowDown?: SlowPeriod;
  /** The answer to the last call for rows. */
  readonly offer?: RowOffer;
  /** The end of the last trial. */
  readonly trialEnd?: TrialEnd;
  /** Set at the end if Temporal may not report that to the batch. */
  readonly isOver?: true;
}

/** A fault that a shard met, once per scope. */
export interface ShardFault {
  /** Increases with every fault of the shard, also after a reset. */
  readonly id: number;
  readonly cause: HoldCause;
  readonly holdSeq: number;
  /** The row that met the fault; absent if no row was involved. */
  readonly candidate?: ProbeCandidate;
  /** Other rows of the shard with which a probe can see whose fault it is; absent: none. */
  readonly others?: readonly ProbeCandidate[];
  /** What a probe needs of rows of other shards, if this shard has none. */
  readonly need?: RowNeed;
}

/** A job that the service knows. */
export interface Witness {
  readonly jobId: JobId;
  /** The earliest time at which it was made. Milliseconds since the epoch. */
  readonly madeMs: number;
}

/** What a probe needs of a row: that it has reached a step, or a job made no earlier than a missing one. */
export type RowNeed =
  | { readonly kind: 'step'; readonly step: FaultStep }
  | { readonly kind: 'witness'; readonly madeFromMs: number };

/** The batch's request for rows with which a probe can see whose fault a fault is. */
export interface RowCall {
  /** Increases with every call, also after a reset of the parent. */
  readonly id: number;
  readonly need: RowNeed;
}

/** A shard's answer to a call. */
export interface RowOffer {
  readonly call: number;
  readonly others: readonly ProbeCandidate[];
  /** If there are no others: rows that wait for their create too, but have failed at it or may have been answered unseen. */
  readonly doubtful: readonly ProbeCandidate[];
  /** Jobs whose creates may be repeated, if the call is for creates. */
  readonly replays: readonly ProbeCandidate[];
  /** Rows of the shard without a job, except those known to fail by themselves. */
  readonly leftToBuy: number;
  /** Rows of the shard that have not ended, except those known to fail by themselves. */
  readonly unfinished: number;
}

/** A row with which to check whether a hold's cause has ended: by its create, or by reading its job. */
export interface ProbeCandidate {
  readonly shard: number;
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  /** When the first unanswered create of it was sent. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** The earliest time at which the job was made. Milliseconds since the epoch; absent: unknown. */
  readonly madeMs?: number;
  /** Repeat the create of its job with the same key, which makes no second job. */
  readonly isReplay?: true;
  /** The row has failed at its create, or may have been answered unseen. */
  readonly isDoubtful?: true;
}

/** What a probe did for a waiting row: created its job, or sent a create that was not answered. */
export interface ProbedRow {
  readonly row: number;
  readonly generation: number;
  readonly jobId?: JobId;
  readonly unansweredSinceMs?: number;
}

/** The result of a shard's one create despite the failure rate; `none` if no row could make it. */
export interface TrialEnd {
  readonly trial: number;
  readonly verdict: 'image' | 'failure' | 'none';
}

export interface RunShardResult {
  readonly tally: Tally;
  /** For a run's canary: time from create to done of its jobs; at most 200. */
  readonly durationsMs?: readonly number[];
}

/** The current step of a row, for `row`. */
export interface RowView {
  readonly phase: 'pending' | 'inFlight' | 'copying' | 'settled';
  /** Since when the row waits for its create's answer, its job or the copy of its image. Milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly generation: number;
  readonly jobId?: JobId;
  readonly generations: readonly GenerationRecord[];
  readonly end?: SettledRow['end'];
  /** The row has failed alone and has not succeeded since: it waits aside between attempts. */
  readonly fault?: Pick<RowFault, 'step' | 'sinceMs' | 'failures'>;
  /** The service does not find the row's job; searches continue. */
  readonly isJobMissing?: true;
}

/** The rows of a shard that are longest at one step, longest first, and the usual durations. */
export interface OldestRows {
  readonly rows: readonly {
    readonly row: number;
    readonly phase: 'inFlight' | 'copying';
    readonly sinceMs: number;
    readonly generation: number;
    readonly jobId?: JobId;
  }[];
  /** Time from create to done of the shard's last jobs; at most 200. */
  readonly durationsMs: readonly number[];
  /** Rows that wait aside, by reason: the service keeps failing for them alone, or does not find their jobs. */
  readonly aside: { readonly failing: number; readonly missing: number };
}

/** How many of its oldest rows a shard reports, and `status` shows for the whole batch. */
export const OLDEST_ROWS = 5;

export const controlSignal = defineSignal<[ShardControl]>('control');
export const reportSignal = defineSignal<[ShardReport]>('report');
export const shardTallyQuery = defineQuery<Tally>('tally');
export const oldestRowsQuery = defineQuery<OldestRows>('oldest');
export const rowQuery = defineQuery<RowView | undefined, [number]>('row');
