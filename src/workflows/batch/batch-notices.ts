import { isCancellation, log, patched } from '@temporalio/workflow';
import type { Activities, WatchBatchInput } from '../protocol/activities.js';
import { noticeProxies } from '../activity-proxies.js';
import type { RunBatchResult } from '../protocol/batch-messages.js';

/** Patch id: batches that were started before notices existed continue without them. */
const NOTICES = 'notices';

/** Sends the notices of a batch. Never fails the batch, and delays it by three minutes at most while workers run. */
export class BatchNotices {
  readonly #input: WatchBatchInput;
  readonly #activities: Pick<Activities, 'watchBatch' | 'notifyEnd'> = noticeProxies();

  constructor(input: WatchBatchInput) {
    this.#input = input;
  }

  /** Starts watching the batch. The watch ends with the workflow; nothing waits for it. */
  watch(): void {
    if (!patched(NOTICES)) return;
    this.#activities.watchBatch(this.#input).catch((error: unknown) => {
      if (!isCancellation(error)) log.warn('A batch is not checked for notices any more.', { error });
    });
  }

  /** Sends the notice of the end before the workflow closes, so that the next run starts after it. */
  async notifyEnd(result: RunBatchResult, endedAt: string): Promise<void> {
    if (!patched(NOTICES)) return;
    try {
      await this.#activities.notifyEnd({ ...this.#input, ...result, endedAt });
    } catch (error) {
      log.warn('The notice of the end of a batch could not be sent.', { error });
    }
  }
}
