import { WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client';
import { readBatchStatus } from '../batch/batch-status.js';
import type { BatchLocation } from '../storage/layout.js';
import { batchWorkflowId, cancelUpdate } from '../workflows/messages.js';
import { locate, TEMPORAL_DEADLINE_MS, withBatchAccess } from './batch-access.js';
import { EXIT, type Command } from './command-context.js';
import { isOpen } from './submission.js';
import { unknownBatch } from './status.js';

export interface CancelOptions {
  readonly id: string;
  readonly json: boolean;
}

/** Ends a batch: nothing new is bought, jobs in flight get their grace, the rest keep their job ids. */
export const cancel: Command<CancelOptions> = (context, options) =>
  withBatchAccess(context.config, async (access) => {
    const { client } = access;
    const location = locate(access.bucket, options.id);
    const before = await readBatchStatus(access, location);
    if (!before) throw unknownBatch(location);
    const { stdout, stderr } = context;
    if (!isOpen(before)) {
      stderr.write(
        `Batch "${location.batchId}" has ended already (${before.state}); nothing is left to cancel.\n`,
      );
      return EXIT.refused;
    }
    if (await isTakenUp(client, location)) {
      stderr.write(
        `Cancelling "${location.batchId}": nothing more is bought; ${before.inFlight + before.copying} rows in flight may still finish. See it with: banana-batch status ${location.batchId} --watch\n`,
      );
    } else {
      stderr.write(
        'No worker answers: the batch is cancelled as soon as one does (npx banana-batch worker).\n',
      );
    }
    if (options.json) stdout.write(`${JSON.stringify({ batchId: location.batchId, cancelling: true })}\n`);
    return EXIT.ok;
  });

/** Tells the batch to end; whether it has heard. Where no worker answers, the word is left with Temporal. */
async function isTakenUp(client: Client, location: BatchLocation): Promise<boolean> {
  const handle = client.workflow.getHandle(batchWorkflowId(location.batchId));
  try {
    await client.connection.withDeadline(Date.now() + TEMPORAL_DEADLINE_MS, () =>
      handle.executeUpdate(cancelUpdate),
    );
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
    await client.connection.withDeadline(Date.now() + TEMPORAL_DEADLINE_MS, () => handle.cancel());
    return false;
  }
}
