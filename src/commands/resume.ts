import { instructSignal, resumeUpdate } from '../workflows/messages.js';
import { withTemporalAccess } from './batch-access.js';
import { EXIT, type Command } from './command-context.js';
import { NO_WORKER } from './no-worker.js';
import { tellBatch, type BatchCommand } from './tell-batch.js';

export interface ResumeOptions {
  readonly id: string;
  readonly rebind: boolean;
  readonly json: boolean;
}

// A worker looks at the batch's jobs with its key first.
const REBIND_WITHIN_MS = 60_000;

/** Tells a batch to continue. */
export function resumeWord({ rebind }: Pick<ResumeOptions, 'rebind'>): BatchCommand {
  return {
    verb: 'resume',
    tell: (handle) => handle.executeUpdate(resumeUpdate, { args: [{ rebind }] }),
    leave: (handle) => handle.signal(instructSignal, { kind: 'resume', rebind }),
    ...(rebind && { withinMs: REBIND_WITHIN_MS }),
  };
}

/** Continues after a pause, and looks at once whether the causes of holds have ended. */
export const resume: Command<ResumeOptions> = (context, { id, rebind, json }) =>
  withTemporalAccess(context, async (access) => {
    const { stdout, stderr } = context;
    const { before, isTakenUp } = await tellBatch(access, id, resumeWord({ rebind }));
    const { batchId, paused, holds } = before;
    const said = [
      ...(rebind ? ["The batch now uses the workers' key."] : []),
      ...(paused ? [`Resumed "${batchId}".`] : []),
      ...(holds.length > 0
        ? [`Checking now whether the hold can end (${holds.map(({ scope }) => scope).join(', ')}).`]
        : []),
      ...(!paused && holds.length === 0
        ? [`"${batchId}" is neither paused nor held: nothing to resume.`]
        : []),
      `Watch it with: banana-batch status ${batchId} --watch`,
    ];
    stderr.write(
      isTakenUp ? `${said.join(' ')}\n` : `The batch will continue when a worker runs. ${NO_WORKER}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ batchId, paused: false, takenUp: isTakenUp })}\n`);
    return EXIT.ok;
  });
