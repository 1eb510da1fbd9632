import { counted } from '../../domain/text/full-stop.js';
import { pauseBatch } from '../../starter.js';
import { withTemporalAccess } from '../terminal/batch-access.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { NO_WORKER, sendToBatch } from './send-to-batch.js';

export interface PauseOptions {
  readonly id: string;
  readonly json: boolean;
}

/** Stops buying: jobs in flight are awaited and stored, the rest waits for `resume`. */
export const pause: Command<PauseOptions> = (context, { id, json }) =>
  withTemporalAccess(context, async (access) => {
    const { stdout, stderr } = context;
    const { before, isApplied } = await sendToBatch(access, id, { verb: 'pause', send: pauseBatch });
    const { batchId, inFlight, copying } = before;
    const rowsInFlight = inFlight + copying;
    stderr.write(
      isApplied
        ? `Paused "${batchId}": nothing more is bought${rowsInFlight === 0 ? '' : `; ${counted(rowsInFlight, 'row')} in flight ${rowsInFlight === 1 ? 'is' : 'are'} still stored`}. Continue with: banana-batch resume ${batchId}\n`
        : `The batch will be paused when a worker runs. ${NO_WORKER}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ batchId, paused: true, applied: isApplied })}\n`);
    return EXIT.ok;
  });
