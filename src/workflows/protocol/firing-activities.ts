import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import type { BatchId } from '../../domain/rows/ids.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { RunRef, HomeFolder } from '../../storage/layout.js';

/** The only argument of a schedule's runs; Temporal stores it, and it is the same for each. */
export interface FiringArgument {
  readonly format: 1;
  readonly schedule: ScheduleName;
  readonly home: HomeFolder;
  /** Key of its `ScheduledSheet`. */
  readonly sheetKey: string;
}

/** One run of a schedule. */
export interface FiringInput {
  /** As Temporal stored it: of this version or another one. */
  readonly argument: FiringArgument;
  /** The nominal time, ISO 8601, to the second. */
  readonly firingAt: string;
}

/** The result of a run of the schedule, without any content of its sheet. */
export type FiringEnd =
  | {
      readonly kind: 'ended';
      readonly batchId: BatchId;
      readonly runSeq: number;
      /** `failed`: its workflow failed or was ended from outside. */
      readonly end: 'completed' | 'cancelled' | 'failed';
      readonly tally?: Tally;
    }
  | { readonly kind: 'nothing-to-do'; readonly batchId: BatchId }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export type StartFiringResult =
  /** `workflowRunId` is the first workflow run of the batch's run, or a later one. */
  | { readonly kind: 'started'; readonly run: RunRef; readonly workflowRunId: string }
  | { readonly kind: 'over'; readonly end: FiringEnd };

export interface FollowFiringInput extends FiringInput {
  readonly run: RunRef;
  readonly workflowRunId: string;
}

/** The activities of a schedule's runs. */
export interface FiringActivities {
  /** Starts the batch of this run of the schedule, or records why not. If repeated, it finds what it has started. */
  startFiring: (input: FiringInput) => Promise<StartFiringResult>;
  /** Returns once the batch has ended; meanwhile it reports the runs of the schedule that are skipped because of it. */
  followFiring: (input: FollowFiringInput) => Promise<FiringEnd>;
  /** Cancels the batch if it is still running. */
  cancelFiring: (input: FollowFiringInput) => Promise<void>;
}
