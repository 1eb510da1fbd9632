import { counted } from '../../domain/text/full-stop.js';
import { cancelBatch, findBatch, readBatchStatus } from '../../starter.js';
import { isOpen } from '../../status/status-document.js';
import { withTemporalAccess, type BatchAccess } from '../terminal/batch-access.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { endWhereWanted } from './end-stuck-batch.js';
import { NO_WORKER, sendToBatch } from './send-to-batch.js';

export interface CancelOptions {
  readonly id: string;
  /** Terminates its workflows. */
  readonly force: boolean;
  readonly json: boolean;
}

/** Ends a batch: buys nothing new, jobs in flight get the grace period, the rest keep their job ids. */
export const cancel: Command<CancelOptions> = (context, { id, force, json }) =>
  withTemporalAccess(context, async (access) => {
    const { stdout, stderr } = context;
    if (await endsAtOnce(context, access, id, force)) {
      stderr.write(
        `Nothing more is bought, and there is no final report. Collect the paid images and make the rest with: banana-batch retry ${id}\n`,
      );
      if (json) stdout.write(`${JSON.stringify({ batchId: id, cancelling: false, ended: true })}\n`);
      return EXIT.ok;
    }
    const { before, isApplied } = await sendToBatch(access, id, { verb: 'cancel', send: cancelBatch });
    const { batchId, inFlight, copying } = before;
    const rowsInFlight = inFlight + copying;
    stderr.write(
      isApplied
        ? `Cancelling "${batchId}": nothing more is bought${rowsInFlight === 0 ? '' : `; ${counted(rowsInFlight, 'row')} in flight may still finish`}. Watch it with: banana-batch status ${batchId} --watch\n`
        : `The batch will be cancelled when a worker runs. ${NO_WORKER}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ batchId, cancelling: true })}\n`);
    return EXIT.ok;
  });

/** Terminates a batch that cannot process the cancel command, or must not wait for it. */
async function endsAtOnce(
  context: CommandContext,
  access: BatchAccess,
  id: string,
  force: boolean,
): Promise<boolean> {
  const location = await findBatch(access, id);
  const status = await readBatchStatus(access, location);
  if (!status || !isOpen(status)) return false;
  const question = 'Terminate its workflows without a final report?';
  return endWhereWanted(context, access, location, { status, force, question });
}
