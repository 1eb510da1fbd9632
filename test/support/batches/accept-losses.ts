import { resumeUpdate, snapshotQuery } from '../../../src/workflows/protocol/batch-messages.js';
import { eventually } from '../eventually.js';
import type { BatchHandle } from './start-batch.js';

/** The result of a batch some of whose jobs are lost: each time it is held for them, it is resumed. */
export async function resultAcceptingLosses(
  handle: BatchHandle,
): Promise<Awaited<ReturnType<BatchHandle['result']>>> {
  const ended = handle.result();
  let isOver = false;
  const over = ended.finally(() => (isOver = true));
  over.catch(() => undefined);
  await eventually(
    async () => {
      if (isOver) return true;
      const { holds } = await handle.query(snapshotQuery);
      if (holds.some(({ code }) => code === 'jobs-missing'))
        await handle.executeUpdate(resumeUpdate, { args: [undefined] });
      return isOver;
    },
    { what: 'the batch ends', withinMs: 200_000, everyMs: 500 },
  );
  return ended;
}
