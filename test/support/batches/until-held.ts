import type { HoldScope } from '../../../src/domain/batch/holds.js';
import { snapshotQuery } from '../../../src/workflows/protocol/batch-messages.js';
import { eventually } from '../eventually.js';
import type { BatchHandle } from './start-batch.js';

/** Resolves when the batch is held in that scope; by default within 60 s. */
export async function untilHeld(
  handle: Pick<BatchHandle, 'query'>,
  scope: HoldScope,
  withinMs = 60_000,
): Promise<void> {
  await eventually(
    async () => (await handle.query(snapshotQuery)).holds.some((hold) => hold.scope === scope),
    {
      what: `the batch is held: ${scope}`,
      withinMs,
    },
  );
}
