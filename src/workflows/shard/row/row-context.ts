import type { CancellationScope } from '@temporalio/workflow';
import type { Activities } from '../../protocol/activities.js';
import type { BatchFaultDetails } from '../../../domain/batch/holds.js';
import type { FailureMessage } from '../../../domain/text/failure-message.js';
import type { FaultStep, FaultVerdict } from '../../../domain/batch/row-faults.js';
import type { JobSearches } from '../faults/job-searches.js';
import type { MissingRows } from '../faults/missing-rows.js';
import type { ProbeCandidate, RunShardInput } from '../../protocol/shard-messages.js';
import type { ShardBudget } from '../shard-budget.js';
import type { ShardHolds } from '../messages/shard-holds.js';
import type { ShardLedger } from '../row-states.js';

/** What a row needs from its shard. */
export interface RowContext {
  readonly input: RunShardInput;
  readonly activities: Pick<Activities, 'createGeneration' | 'awaitGeneration' | 'findJob' | 'storeImage'>;
  readonly ledger: ShardLedger;
  readonly holds: ShardHolds;
  readonly budget: ShardBudget;
  readonly missing: MissingRows;
  readonly searches: JobSearches;
  /** Runs a create; a pause, hold or cancel takes it back while it has not been sent. */
  readonly runCreate: <T>(row: number, create: () => Promise<T>) => Promise<T>;
  /** Records how a generation ended; the batch is held if too many fail. */
  readonly noteEnd: (end: 'image' | 'failure', message?: FailureMessage) => void;
  /** Records that a row succeeded in a step: its fault there is over. */
  readonly noteThrough: (row: number, step: FaultStep) => void;
  /** Decides what happens to a row after a fault. */
  readonly judge: (row: number, step: FaultStep, fault: BatchFaultDetails) => FaultVerdict;
  readonly isCancelling: () => boolean;
  /** Ends after the grace period of a cancelled batch. */
  readonly grace: CancellationScope;
  /** Reports to the batch that a create must wait this long because of a 429. */
  readonly slowDown: (waitMs: number) => void;
  /** Reports a fault to the batch, once per scope; false if it was reported before: no probe will use this row. */
  readonly raise: (fault: BatchFaultDetails, candidate: ProbeCandidate, step: FaultStep) => boolean;
  /** Reports to the batch that a job is missing without a witness. */
  readonly raiseMissing: (candidate: ProbeCandidate) => void;
}
