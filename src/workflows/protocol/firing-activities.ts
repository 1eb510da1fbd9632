import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import type { BatchId } from '../../domain/rows/ids.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { RunRef, HomeFolder } from '../../storage/layout.js';

/** The only argument of a schedule's firings, kept by Temporal and the same at each. */
export interface FiringArgument {
  readonly format: 1;
  readonly schedule: ScheduleName;
  readonly home: HomeFolder;
  /** Key of its `ScheduledSheet`. */
  readonly sheetKey: string;
}

/** One firing of a schedule. */
export interface FiringInput {
  /** As Temporal keeps it: of this version, or of another one. */
  readonly argument: FiringArgument;
  /** The nominal time, ISO 8601, to the second. */
  readonly firingAt: string;
}

/** What came of a firing, without anything of its sheet. */
export type FiringEnd =
  | {
      readonly kind: 'ended';
      readonly batchId: BatchId;
      readonly runSeq: number;
      /** `failed`: its workflow was ended from outside, or failed. */
      readonly end: 'completed' | 'cancelled' | 'failed';
      readonly tally?: Tally;
    }
  | { readonly kind: 'nothing-to-do'; readonly batchId: BatchId }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export type StartFiringResult =
  /** `workflowRunId` is the first workflow run that worked on it, or a later one. */
  | { readonly kind: 'started'; readonly run: RunRef; readonly workflowRunId: string }
  | { readonly kind: 'over'; readonly end: FiringEnd };

export interface FollowFiringInput extends FiringInput {
  readonly run: RunRef;
  readonly workflowRunId: string;
}

/** What firings of schedules ask of the outside world. */
export interface FiringActivities {
  /** Starts what the firing is to run, or records why not; repeated, it finds what it has started. */
  startFiring: (input: FiringInput) => Promise<StartFiringResult>;
  /** Returns once the firing's batch has ended; meanwhile it tells which firings are skipped for it. */
  followFiring: (input: FollowFiringInput) => Promise<FiringEnd>;
  /** Cancels the firing's batch, if it is still running. */
  cancelFiring: (input: FollowFiringInput) => Promise<void>;
}
