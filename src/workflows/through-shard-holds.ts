import { condition } from '@temporalio/workflow';
import { batchFaultOf } from './activity-proxies.js';
import type { ParentBatch } from './shard/parent-signals.js';
import type { ShardHolds } from './shard/shard-control.js';

/** Runs an activity that concerns no single row until it answers; a fault of the bucket only makes it wait. */
export async function throughShardHolds<T>(
  parent: ParentBatch,
  holds: ShardHolds,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const fault = batchFaultOf(error);
      if (!fault) throw error;
      parent.tellFault(fault.cause);
      await condition(() => !holds.isHeld([fault.cause.scope]));
    }
  }
}
