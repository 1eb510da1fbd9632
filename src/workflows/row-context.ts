import type { CancellationScope } from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import type { HoldCause } from '../domain/holds.js';
import type { ProbeCandidate, RunShardInput } from './shard-messages.js';
import type { ShardBudget } from './shard-budget.js';
import type { ShardHolds } from './shard-holds.js';
import type { ShardLedger } from './shard-ledger.js';

/** What a row needs of its shard. */
export interface RowContext {
  readonly input: RunShardInput;
  readonly activities: Pick<Activities, 'createGeneration' | 'awaitGeneration' | 'storeImage'>;
  readonly ledger: ShardLedger;
  readonly holds: ShardHolds;
  readonly budget: ShardBudget;
  /** Runs a create that a pause, hold or cancel takes back while it has not been sent. */
  readonly runCreate: <T>(row: number, create: () => Promise<T>) => Promise<T>;
  /** Notes how a generation ended; where too many fail, the batch is held. */
  readonly noteEnd: (end: 'image' | 'failure', message?: string) => void;
  /** Notes whether the service found a known job; true where so many are missing that none must be bought anew. */
  readonly jobsAreMissing: (row: number, found: boolean) => boolean;
  readonly isCancelling: () => boolean;
  /** Ends when a cancelled batch's grace has passed. */
  readonly grace: CancellationScope;
  /** Tells the parent that a create is to wait for so long because of a 429. */
  readonly slowDown: (waitMs: number) => void;
  /** Tells the parent of a fault, once per scope; false where it was told before: nobody will look by this row. */
  readonly raise: (cause: HoldCause, candidate: ProbeCandidate) => boolean;
}
