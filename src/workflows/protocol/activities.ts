import type { LeaseAnswer } from '../../domain/money/batch-leases.js';
import type { LeaseReport } from '../../domain/money/budget.js';
import type { RetryBudget } from '../../domain/batch/fault-budget.js';
import type { RunRef } from '../../storage/layout.js';
import type { HoldCause } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { Told } from '../../domain/text/kept-text.js';
import type { MissingJob } from '../../domain/rows/missing-job.js';
import type { Notice } from '../../domain/batch/notice.js';
import type { ImageFacts, SettledRow } from '../../domain/rows/outcome.js';
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
  /** The workflow run that alone may buy with what was leased for this; absent: any. */
  readonly leasedTo?: string;
  /** What earlier requests of this create have used up; absent on the first. */
  readonly budget?: RetryBudget;
  /** Milliseconds since the epoch of the first create of this generation that may have been answered by a lost answer. */
  readonly unansweredSinceMs?: number;
  /** It has failed for this row while others went through: a passing fault is reported at once. */
  readonly isDoubted?: true;
}

export type CreateGenerationResult =
  | {
      readonly kind: 'created';
      readonly jobId: JobId;
      /** By the worker's clock. Milliseconds since the epoch. */
      readonly answeredAtMs?: number;
      /** A webhook is to tell the job's end; absent: no, or it may have come by now. */
      readonly webhookExpected?: true;
    }
  /** Refused, and no job was made. `failure` is set where trying again may fix it. */
  | ({ readonly kind: 'invalid'; readonly failure?: 'flaky' } & Told)
  | { readonly kind: 'unknown-charge'; readonly message: string }
  /** The lease belongs to another workflow run (this one was reset): nothing was sent. */
  | { readonly kind: 'not-leased' }
  /** A passing fault: send it again after `delayMs`. */
  | {
      readonly kind: 'again';
      readonly delayMs: number;
      readonly budget: RetryBudget;
      readonly message: string;
      readonly unansweredSinceMs?: number;
      /** The service answered with a 429 that this shard is to tell its batch of: no create of it before that much later. */
      readonly slowDownMs?: number;
    };

export interface AwaitGenerationInput extends GenerationRef {
  readonly jobId: JobId;
  /** A job that the service itself shows unfinished for this long is given up; absent: never. */
  readonly jobTimeoutMs?: number;
  /** How long it was seen unfinished before this activity was scheduled. Default 0. */
  readonly unfinishedMs?: number;
  /** When its create was answered, by that worker's clock. Milliseconds since the epoch; absent: just before this was scheduled. */
  readonly answeredAtMs?: number;
  /** Polls are only for the case that the webhook does not come. */
  readonly webhookExpected?: true;
  /** The job has ended: the first poll comes at once. */
  readonly lookAtOnce?: true;
  /** The 404s in a row that were counted before; absent: none. */
  readonly missing?: MissingJob;
  /** As of a create, until it is answered once. */
  readonly isDoubted?: true;
}

/**
 * With what a webhook's receiver ends an `awaitGeneration` from outside: a job of the account that the service shows
 * ended. It may be another one than the row's.
 */
export interface EndedByWebhook {
  readonly kind: 'ended-by-webhook';
  readonly jobId: JobId;
  /** Absent or false: it ended otherwise. */
  readonly isDone?: boolean;
}

export type AwaitGenerationResult =
  | { readonly kind: 'done' }
  | ({ readonly kind: 'failed'; readonly failure: JobFailureClass } & Told)
  /** 404, several times in a row: it is to be looked for without a slot of the window. */
  | { readonly kind: 'missing'; readonly missing: MissingJob; readonly unfinishedMs?: number }
  | { readonly kind: 'unfinished'; readonly message: string };

export interface FindJobInput extends GenerationRef {
  readonly jobId: JobId;
  readonly missing: MissingJob;
  /** Jobs that were made no earlier: with a 200 of one of them the missing job is believed to be gone in the end. */
  readonly witnesses: readonly JobId[];
  /**
   * When to give up without a witness: `checked` at once, `believable` when only a witness is lacking, `found` never,
   * since the account is held.
   */
  readonly until: 'checked' | 'believable' | 'found';
  /** A person has said that missing jobs are gone: one more 404 will do. */
  readonly isAccepted?: true;
}

export type FindJobResult =
  /** It is there: it may be done, failed or unfinished. */
  | { readonly kind: 'found' }
  /** 404 often and long enough on the batch's own account, before and after a witness answered; or as a person has said. */
  | { readonly kind: 'gone' }
  /** Not found, and without a witness; or the search was called off. */
  | { readonly kind: 'missing'; readonly missing: MissingJob; readonly isBelievable: boolean };

export interface StoreImageInput extends GenerationRef {
  readonly jobId: JobId;
  /** Absent: yes. */
  readonly thumbnails?: boolean;
  /** Absent: no. */
  readonly nearDuplicates?: boolean;
  /** As of `AwaitGenerationInput`. */
  readonly missing?: MissingJob;
  /** As of a create. */
  readonly isDoubted?: true;
}

export type StoreImageResult =
  | { readonly kind: 'stored'; readonly image: ImageFacts; readonly adopted: boolean }
  | { readonly kind: 'missing'; readonly missing: MissingJob }
  | ({ readonly kind: 'result-gone' } & Told)
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
  /** Rows by which to look, one each time in turn; for missing jobs all of them. None: only the account is looked at. */
  readonly candidates: readonly ProbeCandidate[];
  readonly idempotencyHorizonMs: number;
  /** The first look comes this much later, without taking up a worker; 0 for at once. */
  readonly firstLookAfterMs: number;
}

export interface ProbeResult {
  /** Which of the candidates it looked by; absent: none. */
  readonly by?: number;
  /** What the hold's cause kept from going through has gone through for it; of missing jobs, it is there. */
  readonly isThrough?: true;
  /** The candidate's job, where the probe created it. */
  readonly jobId?: JobId;
  /** The cause has ended, and a create of the candidate may have been answered by an answer that was lost. */
  readonly unansweredSinceMs?: number;
}

/** What accompanies a probe's failure. The first unanswered create ends the probe: the workflow notes it, and probes on. */
export interface StillHeldDetails {
  /** Which of the candidates it was. */
  readonly by?: number;
  /** A create of the candidate may have been answered by an answer that was lost. */
  readonly unansweredSinceMs?: number;
}

export interface SealInput {
  readonly run: RunRef;
  readonly shardCount: number;
  /** The first this many shards were opened, and each of their rows was recorded. */
  readonly openedShards: number;
  readonly end: BatchEnd;
  /** What the workflow counted; the report counts what the files say. */
  readonly tally: Tally;
  /** ISO 8601. */
  readonly startedAt: string;
  /** A create of the run was refused for want of funds; absent where none was. */
  readonly ranOutOfFunds?: true;
}

export interface LeaseBudgetInput {
  readonly run: RunRef;
  /** What the run may cost, in millionths. */
  readonly cap: number;
  readonly words: readonly LeaseReport[];
  /** The book was answered from before: it must be there. */
  readonly isBegun: boolean;
}

export interface ReportCanaryInput {
  readonly run: RunRef;
  /** Rows of the run that wait for it. */
  readonly left: number;
  /** How long its jobs took from create to done. */
  readonly durationsMs: readonly number[];
  /** Jobs at a time that the rows which wait are to have. */
  readonly concurrency: number;
}

export interface WatchBatchInput {
  readonly run: RunRef;
  /** When the run began, ISO 8601. */
  readonly startedAt: string;
}

/** Everything the workflows ask of the outside world. Inputs and outputs enter history: indexes, counts, job ids and our own words only. */
export interface Activities {
  ingest: (input: { readonly run: RunRef; readonly settings: RunSettings }) => Promise<IngestResult>;
  openShard: (input: {
    readonly run: RunRef;
    readonly shard: number;
    /** The shard's workflow: creates of another one before it may have been sent that no one has recorded. */
    readonly openedBy: string;
    /** Set where the batch has a budget: what images cost. */
    readonly prices?: RunSettings['prices'];
  }) => Promise<ShardOverview>;
  /** Leases a budget to shards by what they say; done twice, it changes nothing more. */
  leaseBudget: (input: LeaseBudgetInput) => Promise<LeaseAnswer>;
  createGeneration: (input: CreateGenerationInput) => Promise<CreateGenerationResult>;
  awaitGeneration: (input: AwaitGenerationInput) => Promise<AwaitGenerationResult | EndedByWebhook>;
  /** Looks for a job that was not found, for as long as it takes. */
  findJob: (input: FindJobInput) => Promise<FindJobResult | EndedByWebhook>;
  storeImage: (input: StoreImageInput) => Promise<StoreImageResult>;
  recordOutcomes: (input: RecordOutcomesInput) => Promise<void>;
  /** Settles as `shard-lost` what a shard, ended from outside twice, left open. */
  recordLostShard: (input: {
    readonly run: RunRef;
    readonly shard: number;
    /** When the shard began: no create of it is older. Milliseconds since the epoch. */
    readonly openedAtMs: number;
  }) => Promise<Tally>;
  /** Returns once the cause of a hold has ended; until then each try fails and is repeated by Temporal. */
  probe: (input: ProbeInput) => Promise<ProbeResult>;
  /** Makes the worker's account the batch's own; fails where the account does not know the batch's jobs. */
  rebindAccount: (input: { readonly run: RunRef; readonly jobId?: JobId }) => Promise<void>;
  /** Shows the result of a canary on a page; the same in a few words, without any of its rows. */
  reportCanary: (
    input: ReportCanaryInput,
  ) => Promise<{ readonly text: string; readonly allMade: boolean; readonly page: string }>;
  /** What the sealed files say. */
  seal: (input: SealInput) => Promise<Tally>;
  /** Tells of holds, pauses and standstills for as long as the batch's workflow is open. */
  watchBatch: (input: WatchBatchInput) => Promise<void>;
  /** Has the end of a run told; `endedAt` is ISO 8601. */
  tellEnd: (input: WatchBatchInput & RunBatchResult & { readonly endedAt: string }) => Promise<void>;
  /** Delivers a notice; each try that fails is repeated by Temporal. */
  postNotice: (notice: Notice) => Promise<void>;
}
