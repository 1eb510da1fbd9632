import type { CancellationScope } from '@temporalio/workflow';
import type { Activities } from '../../protocol/activities.js';
import type { BatchFaultDetails } from '../../../domain/batch/holds.js';
import type { Told } from '../../../domain/text/kept-text.js';
import type { FaultStep, FaultVerdict } from '../../../domain/batch/row-faults.js';
import type { JobSearches } from '../faults/job-searches.js';
import type { MissingRows } from '../faults/missing-rows.js';
import type { ProbeCandidate, RunShardInput } from '../../protocol/shard-messages.js';
import type { ShardBudget } from '../shard-budget.js';
import type { ShardHolds } from '../shard-control.js';
import type { ShardLedger } from '../row-states.js';

/** What a row needs of its shard. */
export interface RowContext {
  readonly input: RunShardInput;
  readonly activities: Pick<Activities, 'createGeneration' | 'awaitGeneration' | 'findJob' | 'storeImage'>;
  readonly ledger: ShardLedger;
  readonly holds: ShardHolds;
  readonly budget: ShardBudget;
  readonly missing: MissingRows;
  readonly searches: JobSearches;
  /** Runs a create that a pause, hold or cancel takes back while it has not been sent. */
  readonly runCreate: <T>(row: number, create: () => Promise<T>) => Promise<T>;
  /** Notes how a generation ended; where too many fail, the batch is held. */
  readonly noteEnd: (end: 'image' | 'failure', told?: Told) => void;
  /** Notes that a row got through a step: what it failed of there is over. */
  readonly noteThrough: (row: number, step: FaultStep) => void;
  /** Says what becomes of a row after a fault. */
  readonly judge: (row: number, step: FaultStep, fault: BatchFaultDetails) => FaultVerdict;
  readonly isCancelling: () => boolean;
  /** Ends when a cancelled batch's grace has passed. */
  readonly grace: CancellationScope;
  /** Tells the parent that a create is to wait this long because of a 429. */
  readonly slowDown: (waitMs: number) => void;
  /** Tells the parent of a fault, once per scope; false where it was told before: no one will look by this row. */
  readonly raise: (fault: BatchFaultDetails, candidate: ProbeCandidate, step: FaultStep) => boolean;
  /** Tells the parent that a job is missing without a witness. */
  readonly raiseMissing: (candidate: ProbeCandidate) => void;
}
