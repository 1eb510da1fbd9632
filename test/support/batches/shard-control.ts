import { firstSlots } from '../../../src/domain/batch/window.js';
import type { CommonControl } from '../../../src/workflows/batch/open-shards.js';
import type { ShardControl } from '../../../src/workflows/protocol/shard-messages.js';

/** What a batch that is neither paused nor held sends to all its shards. */
export function commonControl(): CommonControl {
  return { maxFailureRate: 50, paused: false, cancelling: false, heldScopes: [], holdSeq: 0 };
}

/** A control with ten slots that lets a shard work, changed by `given`. */
export function shardControl(given: Partial<ShardControl>): ShardControl {
  return {
    ...commonControl(),
    seq: 0,
    slots: firstSlots(10),
    execution: 1,
    parentRunId: 'run',
    isAdopted: false,
    trial: 0,
    probedRows: [],
    reportTaken: 0,
    ...given,
  };
}
