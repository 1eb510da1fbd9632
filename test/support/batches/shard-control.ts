import { firstSlots } from '../../../src/domain/batch/window.js';
import type { ShardControl } from '../../../src/workflows/protocol/shard-messages.js';

/** A control that lets a shard work with ten slots, but for what is given. */
export function shardControl(given: Partial<ShardControl>): ShardControl {
  return {
    seq: 0,
    slots: firstSlots(10),
    execution: 1,
    parentRunId: 'run',
    isAdopted: false,
    trial: 0,
    maxFailureRate: 50,
    paused: false,
    cancelling: false,
    heldScopes: [],
    holdSeq: 0,
    faultsTaken: 0,
    ...given,
  };
}
