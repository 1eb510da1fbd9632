import { isCancellation, log, patched } from '@temporalio/workflow';
import type { Activities, WatchBatchInput } from '../protocol/activities.js';
import { noticeProxies } from '../activity-proxies.js';
import type { RunBatchResult } from '../protocol/batch-messages.js';

/** Batches that were running before there were notices continue without. */
const NOTICES = 'notices';

/** Has told how a batch fares. Never fails it, and with workers there holds it up for three minutes at most. */
export class BatchNotices {
  readonly #input: WatchBatchInput;
  readonly #activities: Pick<Activities, 'watchBatch' | 'tellEnd'> = noticeProxies();

  constructor(input: WatchBatchInput) {
    this.#input = input;
  }

  /** Has the batch watched from now on; that ends with the workflow, and nothing waits for it. */
  watch(): void {
    if (!patched(NOTICES)) return;
    this.#activities.watchBatch(this.#input).catch((error: unknown) => {
      if (!isCancellation(error)) log.warn('A batch is not checked for notices any more.', { error });
    });
  }

  /** Has the end told before anybody sees it: who starts the next run then finds this one gone. */
  async tellEnd(result: RunBatchResult, endedAt: string): Promise<void> {
    if (!patched(NOTICES)) return;
    try {
      await this.#activities.tellEnd({ ...this.#input, ...result, endedAt });
    } catch (error) {
      log.warn('The notice of the end of a batch could not be sent.', { error });
    }
  }
}
