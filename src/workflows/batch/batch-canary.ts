import { condition } from '@temporalio/workflow';
import type { Activities } from '../protocol/activities.js';
import type { BatchPauses } from './batch-pauses.js';
import type { RunBatchInput } from '../protocol/batch-messages.js';
import type { ShardRuns, CanaryEnd } from './shard-runs.js';

/** Limits a run to its first rows until a person has reviewed their result. */
export class BatchCanary {
  readonly #input: RunBatchInput;
  readonly #pauses: BatchPauses;
  readonly #shards: Pick<ShardRuns, 'canaryEnd' | 'isDrained' | 'deal'>;
  readonly #isCancelling: () => boolean;
  readonly #report: (end: CanaryEnd) => ReturnType<Activities['reportCanary']>;
  #isOver: boolean;

  constructor(options: {
    readonly input: RunBatchInput;
    readonly pauses: BatchPauses;
    readonly shards: Pick<ShardRuns, 'canaryEnd' | 'isDrained' | 'deal'>;
    readonly isCancelling: () => boolean;
    /** Writes the canary's report. */
    readonly report: (end: CanaryEnd) => ReturnType<Activities['reportCanary']>;
  }) {
    const { settings, resumed } = options.input;
    this.#input = options.input;
    this.#pauses = options.pauses;
    this.#shards = options.shards;
    this.#isCancelling = options.isCancelling;
    this.#report = options.report;
    // A workflow run never ends between the opening of the first shard and the end of the canary.
    this.#isOver = settings.canary === undefined || (resumed !== undefined && resumed.shards.nextShard > 0);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Number of shards that may be opened, counted from the first; only one during the canary. */
  get openable(): number {
    return this.#isOver ? Infinity : 1;
  }

  /** Returns once all rows may be made: after the canary and its review, or at once without a canary. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    const shards = this.#shards;
    await condition(() => shards.canaryEnd !== undefined || shards.isDrained || this.#isCancelling());
    const end = shards.canaryEnd;
    if (end && end.left > 0 && !this.#isCancelling()) await this.#waitForReview(end);
    this.#isOver = true;
    shards.deal();
  }

  async #waitForReview(end: CanaryEnd): Promise<void> {
    const { text, allMade, page } = await this.#report(end);
    if (this.#isCancelling()) return;
    const { settings, run } = this.#input;
    const waitMs = allMade ? settings.canary?.waitMs : undefined;
    const until = waitMs === undefined ? undefined : new Date(Date.now() + waitMs).toISOString();
    const byItself =
      until === undefined
        ? settings.canary?.waitMs === undefined
          ? ''
          : ' Not all were made, so the batch does not continue by itself.'
        : ` The batch continues by itself at ${until.slice(11, 16)} UTC.`;
    const ways = `Continue: banana-batch resume ${run.batchId} · End: banana-batch cancel ${run.batchId}`;
    this.#pauses.pause('canary', `Canary: ${text}${byItself} · Page: ${page} · ${ways}`, until);
    const isSeen = (): boolean => !this.#pauses.has('canary') || this.#isCancelling();
    if (waitMs === undefined) await condition(isSeen);
    else if (!(await condition(isSeen, waitMs))) this.#pauses.end('canary');
  }
}
