import type { ChangedSettings } from '../domain/batch-settings.js';
import type { BatchStatus } from '../batch/status-document.js';
import { compareDecimals } from '../domain/decimal.js';
import { UsageError } from '../errors.js';
import { changeBatch } from '../starter.js';
import { withTemporalAccess } from './batch-access.js';
import { EXIT, type Command } from './command-context.js';
import { NO_WORKER } from './no-worker.js';
import { tellBatch } from './tell-batch.js';

export interface SetOptions extends ChangedSettings {
  readonly id: string;
  readonly json: boolean;
}

/** Changes a running batch. */
export const set: Command<SetOptions> = async (context, options) => {
  const { id, json, ...settings } = options;
  if (Object.keys(settings).length === 0) {
    throw new UsageError('Nothing to set: give --concurrency, --max-failure-rate or --budget.');
  }
  const { stdout, stderr } = context;
  return withTemporalAccess(context, async (access) => {
    const { before, isTakenUp } = await tellBatch(access, id, {
      verb: 'set anything',
      send: (means, location) => changeBatch(means, location, settings),
    });
    const { batchId, concurrency } = before;
    const lower = (settings.concurrency ?? Infinity) < (concurrency ?? 0);
    const how = lower ? ' Rows in flight finish; no more start until there are fewer.' : '';
    stderr.write(
      isTakenUp
        ? `Set.${how}${budgetNote(settings, before)}\n`
        : `It is set as soon as a worker answers. ${NO_WORKER}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ batchId, ...settings, takenUp: isTakenUp })}\n`);
    return EXIT.ok;
  });
};

/** What a budget that is lower than what is spent comes to. */
function budgetNote({ budget }: ChangedSettings, { budget: before }: BatchStatus): string {
  if (budget === undefined || !before || compareDecimals(budget, before.committed) >= 0) return '';
  return ` Of ${budget}, ${before.committed} is spent or leased already: nothing more is bought, and what is paid is still stored.`;
}
