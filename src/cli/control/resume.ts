import { compareDecimals } from '../../domain/money/decimal.js';
import type { BatchSnapshot } from '../../workflows/protocol/batch-messages.js';
import { resumeBatch } from '../../starter.js';
import { withTemporalAccess, type BatchAccess } from '../terminal/batch-access.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { NO_WORKER, sendToBatch } from './send-to-batch.js';

export interface ResumeOptions {
  readonly id: string;
  readonly rebind: boolean;
  readonly json: boolean;
}

/** Resumes a batch. Throws as `sendToBatch`. */
export function sendResume(
  access: BatchAccess,
  id: string,
  options: Pick<ResumeOptions, 'rebind'>,
): ReturnType<typeof sendToBatch> {
  return sendToBatch(access, id, {
    verb: 'resume',
    send: (means, location) => resumeBatch(means, location, options),
  });
}

/** That nothing more is bought although the batch was resumed, if its budget is spent. */
function spentText({ run, budget }: Partial<Pick<BatchSnapshot, 'run' | 'budget'>> = {}): string {
  if (!budget || compareDecimals(budget.committed, budget.cap) < 0) return '';
  return `, but its budget of ${budget.cap} is spent (${budget.committed} committed): to buy more: banana-batch set ${run?.batchId} --budget AMOUNT`;
}

/** Continues after a pause, and checks at once whether the causes of holds have ended. */
export const resume: Command<ResumeOptions> = (context, { id, rebind, json }) =>
  withTemporalAccess(context, async (access) => {
    const { stdout, stderr } = context;
    const { before, isApplied, after } = await sendResume(access, id, { rebind });
    const { batchId, paused, holds } = before;
    const sentences = [
      ...(rebind ? ["The batch now uses the workers' key."] : []),
      ...(paused ? [`Resumed "${batchId}"${spentText(after)}.`] : []),
      ...(holds.length > 0
        ? [`Checking now whether the hold can end (${holds.map(({ scope }) => scope).join(', ')}).`]
        : []),
      ...(!paused && holds.length === 0
        ? [`"${batchId}" is neither paused nor held: nothing to resume.`]
        : []),
      `Watch it with: banana-batch status ${batchId} --watch`,
    ];
    stderr.write(
      isApplied ? `${sentences.join(' ')}\n` : `The batch will continue when a worker runs. ${NO_WORKER}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ batchId, paused: false, applied: isApplied })}\n`);
    return EXIT.ok;
  });
