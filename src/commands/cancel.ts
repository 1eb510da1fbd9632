import { cancelUpdate } from '../workflows/messages.js';
import { withTemporalAccess } from './batch-access.js';
import { EXIT, type Command } from './command-context.js';
import { NO_WORKER } from './no-worker.js';
import { tellBatch } from './tell-batch.js';

export interface CancelOptions {
  readonly id: string;
  readonly json: boolean;
}

/** Ends a batch: nothing new is bought, jobs in flight get their grace, the rest keep their job ids. */
export const cancel: Command<CancelOptions> = (context, { id, json }) =>
  withTemporalAccess(context, async (access) => {
    const { stdout, stderr } = context;
    const { before, isTakenUp } = await tellBatch(access, id, {
      verb: 'cancel',
      tell: (handle) => handle.executeUpdate(cancelUpdate),
      leave: (handle) => handle.cancel(),
    });
    const { batchId, inFlight, copying } = before;
    stderr.write(
      isTakenUp
        ? `Cancelling "${batchId}": nothing more is bought; ${inFlight + copying} rows in flight may still finish. See it with: banana-batch status ${batchId} --watch\n`
        : `The batch is cancelled as soon as a worker answers. ${NO_WORKER}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ batchId, cancelling: true })}\n`);
    return EXIT.ok;
  });
