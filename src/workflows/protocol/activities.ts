import type { MoneySums, RaisedTotal } from '../../domain/money/batch-money.js';
import type { Bought } from '../../domain/money/budget.js';
import type { ImagePrice } from '../../domain/money/price-table.js';
import type { RetryBudget } from '../../domain/batch/fault-budget.js';
import type { RunRef } from '../../storage/layout.js';
import type { HoldCause } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { FailureMessage } from '../../domain/text/failure-message.js';
import type { FaultStep } from '../../domain/batch/row-faults.js';
import type { MissingJob } from '../../domain/rows/missing-job.js';
import type { Notice } from '../../domain/batch/notice.js';
import type { SettledRow, StoredEnd } from '../../domain/rows/outcome.js';
import type { JobFailureClass } from '../../domain/rows/failure-kind.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { BatchEnd, IngestResult, RunBatchResult } from './batch-messages.js';
import type { ProbeCandidate, ShardOverview } from './shard-messages.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';

/** One generation of one row, by indexes only. */
export interface GenerationRef {
  readonly run: RunRef;
  readonly shard: number;
  readonly row: number;
  readonly generation: number;
}

export interface CreateGenerationInput extends GenerationRef {
  readonly idempotencyHorizonMs: number;
  /** The only workflow run that may buy with this lease; absent: any. */
  readonly leasedTo?: string;
  /** Retries that earlier requests of this create have used; absent on the first. */
  readonly budget?: RetryBudget;
  /** First time at which a create of this generation may have been processed although its answer was lost. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** The step has failed for this row while others succeeded: a temporary fault is reported at once. */
  readonly isDoubted?: true;
}

export type CreateGenerationResult =
  | {
      readonly kind: 'created';
      readonly jobId: JobId;
      /** By the worker's clock. Milliseconds since the epoch. */
      readonly answeredAtMs?: number;
      /** A webhook will report the end of the job; absent: none will, or it may already have come. */
      readonly webhookExpected?: true;
    }
  /** Refused, no job was made. `failure` is set if another attempt may succeed. */
  | ({ readonly kind: 'invalid'; readonly failure?: 'flaky' } & FailureMessage)
  | { readonly kind: 'unknown-charge'; readonly message: string }
  /** The lease belongs to another workflow run (this one was reset): nothing was sent. */
  | { readonly kind: 'not-leased' }
  /** A temporary fault: send it again after `delayMs`. */
  | {
      readonly kind: 'again';
      readonly delayMs: number;
      readonly budget: RetryBudget;
      readonly message: string;
      readonly unansweredSinceMs?: number;
      /** The service answered with a 429 that the shard must report to its batch: no create for this long. */
      readonly slowDownMs?: number;
    };

/** What to derive from an image besides storing it. */
export interface LookSettings {
  /** Absent: yes. */
  readonly thumbnails?: boolean;
  /** Absent: no. */
  readonly nearDuplicates?: boolean;
}

export interface AwaitGenerationInput extends GenerationRef, LookSettings {
  readonly jobId: JobId;
  /** A job that the service itself reports unfinished for this long is given up; absent: never. */
  readonly jobTimeoutMs?: number;
  /** How long the job was seen unfinished before this activity was scheduled. Default 0. */
  readonly unfinishedMs?: number;
  /** When the create was answered, by that worker's clock, in milliseconds since the epoch; absent: just before this was scheduled. */
  readonly answeredAtMs?: number;
  /** A webhook is expected; polls only replace it if it does not come. */
  readonly webhookExpected?: true;
  /** The job has ended: poll at once. */
  readonly lookAtOnce?: true;
  /** Consecutive 404s counted before; absent: none. */
  readonly missing?: MissingJob;
  /** As for a create, until the first answer. */
  readonly isDoubted?: true;
}

/**
 * The result with which the webhook receiver completes an `awaitGeneration`: a job of the account that the service
 * reports as ended. It may be another job than the row's.
 */
export interface EndedByWebhook {
  readonly kind: 'ended-by-webhook';
  readonly jobId: JobId;
  /** Absent or false: the job did not succeed. */
  readonly isDone?: boolean;
}

export type AwaitGenerationResult =
  /** `stored` absent: the image is not stored yet. */
  | { readonly kind: 'done'; readonly stored?: StoredEnd }
  | ({ readonly kind: 'failed'; readonly failure: JobFailureClass } & FailureMessage)
  /** Several consecutive 404s: search for the job without using a slot of the window. */
  | { readonly kind: 'missing'; readonly missing: MissingJob; readonly unfinishedMs?: number }
  | { readonly kind: 'unfinished'; readonly message: string };

export interface FindJobInput extends GenerationRef {
  readonly jobId: JobId;
  readonly missing: MissingJob;
  /** Jobs made no earlier than this one: if one of them gets a 200, the missing job is eventually believed to be gone. */
  readonly witnesses: readonly JobId[];
  /** When to give up without a witness: `checked` at once, `believable` when only a witness is lacking, `found` never, because the account is held. */
  readonly until: 'checked' | 'believable' | 'found';
  /** A person has confirmed that missing jobs are gone: one more 404 is enough. */
  readonly isAccepted?: true;
}

export type FindJobResult =
  /** The job exists; it may be done, failed or unfinished. */
  | { readonly kind: 'found' }
  /** Enough 404s over enough time on the batch's own account, before and after a 200 for a witness; or a person has confirmed it. */
  | { readonly kind: 'gone' }
  /** Not found, and without a witness; or the search was cancelled. */
  | { readonly kind: 'missing'; readonly missing: MissingJob; readonly isBelievable: boolean };

export interface StoreImageInput extends GenerationRef, LookSettings {
  readonly jobId: JobId;
  /** See `AwaitGenerationInput`. */
  readonly missing?: MissingJob;
  /** As for a create. */
  readonly isDoubted?: true;
}

export type StoreImageResult =
  | StoredEnd
  | { readonly kind: 'missing'; readonly missing: MissingJob }
  | ({ readonly kind: 'result-gone' } & FailureMessage)
  /** A newer run of the batch has stored another image for the row. */
  | { readonly kind: 'superseded' };

export interface RecordOutcomesInput {
  readonly run: RunRef;
  readonly shard: number;
  readonly part: number;
  readonly settled: readonly SettledRow[];
}

export interface ProbeInput {
  readonly run: RunRef;
  readonly cause: HoldCause;
  /** Rows to probe with, one at each check in turn; for missing jobs all of them. Empty: only the account is checked. */
  readonly candidates: readonly ProbeCandidate[];
  readonly idempotencyHorizonMs: number;
  /** The step that must succeed; absent if the hold is for none. */
  readonly step?: FaultStep;
  /** When the hold began. Milliseconds since the epoch, by Temporal's clock. */
  readonly heldSinceMs: number;
  /** Delay of the first check, during which no worker is occupied; 0 for none. */
  readonly firstLookAfterMs: number;
}

export interface ProbeResult {
  /** Index of the candidate that was used; absent: none. */
  readonly by?: number;
  /** The step that the hold's cause blocked has succeeded for this candidate; for missing jobs: the job exists. */
  readonly isThrough?: true;
  /** It failed for the candidate again, but has succeeded since the hold began for a row of this or another batch. */
  readonly isThroughElsewhere?: true;
  /** The candidate's job, if the probe created it. */
  readonly jobId?: JobId;
  /** The cause has ended, and a create of the candidate may have been processed although its answer was lost. */
  readonly unansweredSinceMs?: number;
}

/** Details of a probe's failure. The first unanswered create ends the probe: the workflow records it and starts another. */
export interface StillHeldDetails {
  /** Index of the candidate. */
  readonly by?: number;
  /** A create of the candidate may have been processed although its answer was lost. */
  readonly unansweredSinceMs?: number;
}

export interface SealInput {
  readonly run: RunRef;
  readonly shardCount: number;
  /** This many shards were opened, counted from the first, and each of their rows was recorded. */
  readonly openedShards: number;
  readonly end: BatchEnd;
  /** The workflow's own tally; the report counts from the files. */
  readonly tally: Tally;
  /** ISO 8601. */
  readonly startedAt: string;
  /** A create of the run was refused for lack of funds; absent: none was. */
  readonly ranOutOfFunds?: true;
}

/** The prices of a shard's rows, and what was bought for them before. Amounts in millionths. */
export interface ShardPrices extends Bought {
  /** The price of an image of each row in row order, run-length encoded. */
  readonly prices: readonly { readonly price: number; readonly rows: number }[];
}

/** Amounts in millionths. */
export interface RaiseGrantedInput extends Pick<MoneySums, 'images' | 'unknown'> {
  readonly run: RunRef;
  /** Of this change: a repeat has no effect. */
  readonly id: string;
  /** The budget of the run. */
  readonly cap: number;
  /** The number in the bucket, as last read, and the amount to be added. */
  readonly from: number;
  readonly by: number;
  /** All that was returned so far. */
  readonly returned: number;
  /** The prices, if the budget was set after the run began. */
  readonly prices?: readonly ImagePrice[];
}

export interface ReportCanaryInput {
  readonly run: RunRef;
  /** Rows of the run that wait for the canary. */
  readonly left: number;
  /** Time from create to done of each of its jobs. */
  readonly durationsMs: readonly number[];
  /** Concurrency for the rows that wait. */
  readonly concurrency: number;
}

export interface WatchBatchInput {
  readonly run: RunRef;
  /** When the run began, ISO 8601. */
  readonly startedAt: string;
}

/**
 * Everything that the workflows do in the outside world. Inputs and outputs enter the history, so they hold only
 * indexes, counts, job ids and our own messages.
 */
export interface Activities {
  ingest: (input: { readonly run: RunRef; readonly settings: RunSettings }) => Promise<IngestResult>;
  openShard: (input: {
    readonly run: RunRef;
    readonly shard: number;
    /** First run id of the shard's execution: another execution before it may have sent creates that were not recorded. */
    readonly openedBy: string;
  }) => Promise<ShardOverview>;
  /** The prices of a shard's rows, and what the run has bought for those recorded in parts with lower numbers than `beforePart`. */
  priceShard: (input: {
    readonly run: RunRef;
    readonly shard: number;
    readonly prices: readonly ImagePrice[];
    readonly beforePart: number;
  }) => Promise<ShardPrices>;
  /** Fails, with a message for users, if the rows of a run need prices that are missing. */
  checkPrices: (input: {
    readonly run: RunRef;
    readonly shardCount: number;
    readonly prices: readonly ImagePrice[];
  }) => Promise<void>;
  /** What a run has bought for the recorded rows of these shards. */
  countBought: (input: {
    readonly run: RunRef;
    readonly shards: readonly number[];
    readonly prices: readonly ImagePrice[];
  }) => Promise<Bought>;
  /** Raises the number in the bucket that says how much was ever granted, if it is as the batch knows it. Idempotent. */
  raiseGranted: (input: RaiseGrantedInput) => Promise<RaisedTotal>;
  createGeneration: (input: CreateGenerationInput) => Promise<CreateGenerationResult>;
  awaitGeneration: (input: AwaitGenerationInput) => Promise<AwaitGenerationResult | EndedByWebhook>;
  /** Searches for a missing job, for as long as it takes. */
  findJob: (input: FindJobInput) => Promise<FindJobResult | EndedByWebhook>;
  storeImage: (input: StoreImageInput) => Promise<StoreImageResult>;
  recordOutcomes: (input: RecordOutcomesInput) => Promise<void>;
  /** Settles as `shard-lost` the unfinished rows of a shard that was ended from outside twice. */
  recordLostShard: (input: {
    readonly run: RunRef;
    readonly shard: number;
    /** When the shard began, in milliseconds since the epoch: none of its creates is older. */
    readonly openedAtMs: number;
  }) => Promise<Tally>;
  /** Returns once the cause of a hold has ended; until then each attempt fails and Temporal retries it. */
  probe: (input: ProbeInput) => Promise<ProbeResult>;
  /** Makes the worker's account the account of the batch; fails if that account does not know the batch's jobs. */
  rebindAccount: (input: { readonly run: RunRef; readonly jobId?: JobId }) => Promise<void>;
  /** Writes the result of a canary to a page; returns a short summary without any of its rows. */
  reportCanary: (
    input: ReportCanaryInput,
  ) => Promise<{ readonly text: string; readonly allMade: boolean; readonly page: string }>;
  /** Returns the tally of the sealed files. */
  seal: (input: SealInput) => Promise<Tally>;
  /** Sends notices of holds, pauses and standstills while the batch's workflow is open. */
  watchBatch: (input: WatchBatchInput) => Promise<void>;
  /** Sends the notice of the end of a run; `endedAt` is ISO 8601. */
  notifyEnd: (input: WatchBatchInput & RunBatchResult & { readonly endedAt: string }) => Promise<void>;
  /** Delivers a notice; Temporal retries failed attempts. */
  postNotice: (notice: Notice) => Promise<void>;
}
