import type { ChangedSettings } from '../../domain/batch/batch-settings.js';
import type { BatchStatus } from '../../status/status-document.js';
import { compareDecimals } from '../../domain/money/decimal.js';
import { pricesOf } from '../../domain/money/price-table.js';
import { UsageError } from '../../errors.js';
import { changeBatch } from '../../starter.js';
import { withTemporalAccess } from '../terminal/batch-access.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { NO_WORKER, sendToBatch } from './send-to-batch.js';

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
  const { stdout, stderr, config } = context;
  // For a batch that has no budget yet, and so may have no prices.
  const prices = settings.budget === undefined ? undefined : config.prices;
  const sent = prices ? { ...settings, prices: pricesOf(prices) } : settings;
  return withTemporalAccess(context, async (access) => {
    const { before, isApplied } = await sendToBatch(access, id, {
      verb: 'set anything',
      send: (means, location) => changeBatch(means, location, sent),
    });
    const { batchId } = before;
    stderr.write(
      isApplied
        ? changedText(settings, before)
        : `The settings will change when a worker runs. ${NO_WORKER}\n`,
    );
    if (json) stdout.write(`${JSON.stringify({ batchId, ...settings, applied: isApplied })}\n`);
    return EXIT.ok;
  });
};

/** The changes, a sentence for each setting, and their effect on the batch. */
function changedText(settings: ChangedSettings, before: BatchStatus): string {
  const { batchId, concurrency: window } = before;
  const { concurrency, maxFailureRate, budget } = settings;
  const sentences = [
    ...(concurrency === undefined
      ? []
      : [
          `Concurrency of "${batchId}" is now ${concurrency}${window === undefined ? '' : ` (was ${window})`}.`,
        ]),
    ...(concurrency !== undefined && concurrency < (window ?? 0)
      ? ['Jobs in flight finish; no more start until there are fewer.']
      : []),
    ...(maxFailureRate === undefined
      ? []
      : [`Maximum failure rate of "${batchId}" is now ${maxFailureRate} %.`]),
    ...(budget === undefined ? [] : [budgetText(budget, before)]),
  ];
  return `${sentences.join(' ')}\n`;
}

function budgetText(budget: string, { batchId, budget: before }: BatchStatus): string {
  if (!before) return `Budget of "${batchId}" is now ${budget}, including what it has bought so far.`;
  const changed = `Budget of "${batchId}" is now ${budget} (was ${before.cap})`;
  if (compareDecimals(budget, before.committed) >= 0) return `${changed}; the batch continues.`;
  return `${changed}, but ${before.committed} is already spent or reserved: nothing more is bought, and paid images are still stored.`;
}
