import { ActivityFailure, ApplicationFailure, condition, log } from '@temporalio/workflow';
import type { Activities, RaiseGrantedInput, ReportCanaryInput, SealInput } from '../protocol/activities.js';
import type { ImagePrice } from '../../domain/money/price-table.js';
import type { Bought } from '../../domain/money/budget.js';
import type { RaisedTotal } from '../../domain/money/batch-money.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';
import { sameEnds, type Tally } from '../../domain/batch/tally.js';
import type { RunRef } from '../../storage/layout.js';
import { activityProxies, batchProxies, throughBatchFaults } from '../activity-proxies.js';
import type { BatchHolds } from './holds/batch-holds.js';
import type { BatchSnapshot, ResumedBatch } from '../protocol/batch-messages.js';

/** The batch was cancelled while a hold prevented reading its sheet: nothing was bought, and no report is written. */
export class CancelledUnprepared extends Error {}

/** How a failed batch is shown: with our own message if an activity gave up with one. */
export function failureOf(error: unknown): Pick<BatchSnapshot, 'failure'> {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.nonRetryable ? { failure: cause.message } : {};
}

/** The steps of a batch that concern all of its rows. Holds delay them but never fail them. */
export class BatchSteps {
  readonly #run: RunRef;
  readonly #settings: RunSettings;
  readonly #holds: BatchHolds;
  readonly #endsUnprepared: () => boolean;
  readonly #activities: ReturnType<typeof batchProxies> & Pick<Activities, 'recordLostShard'>;

  constructor(options: {
    readonly run: RunRef;
    readonly settings: RunSettings;
    readonly holds: BatchHolds;
    /** Whether the batch is cancelled before its sheet was read. */
    readonly endsUnprepared: () => boolean;
  }) {
    const { run, settings, holds, endsUnprepared } = options;
    this.#run = run;
    this.#settings = settings;
    this.#holds = holds;
    this.#endsUnprepared = endsUnprepared;
    const { recordLostShard } = activityProxies(settings);
    this.#activities = { ...batchProxies(settings), recordLostShard };
  }

  /** The shards to open, and the rows that need none. */
  async ingest(): Promise<Pick<ResumedBatch, 'shards' | 'settled'>> {
    const [run, settings] = [this.#run, this.#settings];
    const { settled, ...shards } = await this.#throughHolds(() => this.#activities.ingest({ run, settings }));
    return { settled, shards: { nextShard: 0, ...shards } };
  }

  /** Raises what was ever granted of the budget. */
  raiseGranted(raise: Omit<RaiseGrantedInput, 'run'>): Promise<RaisedTotal> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.raiseGranted({ run, ...raise }));
  }

  /** Throws, with a message for users, if rows of the batch need prices that are missing. */
  checkPrices(shardCount: number, prices: readonly ImagePrice[]): Promise<void> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.checkPrices({ run, shardCount, prices }));
  }

  /** What was bought for the recorded rows of these shards. */
  countBought(shards: readonly number[], prices: readonly ImagePrice[]): Promise<Bought> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.countBought({ run, shards, prices }));
  }

  recordLost(shard: number, openedAtMs: number): Promise<Tally> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.recordLostShard({ run, shard, openedAtMs }));
  }

  reportCanary(input: Omit<ReportCanaryInput, 'run'>): ReturnType<Activities['reportCanary']> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.reportCanary({ run, ...input }));
  }

  /** The tally of the sealed files, which may differ from the workflow's own. */
  async seal(input: Omit<SealInput, 'run'>): Promise<Tally> {
    const run = this.#run;
    const tally = await this.#throughHolds(() => this.#activities.seal({ run, ...input }));
    if (!sameEnds(tally, input.tally)) {
      log.warn('The counts of the final files differ.', { counted: input.tally, tally });
    }
    return tally;
  }

  async rebind(): Promise<void> {
    const jobId = this.#holds.jobBehind('account');
    await this.#activities.rebindAccount({ run: this.#run, ...(jobId && { jobId }) });
  }

  /** Repeats the call until it succeeds. Throws `CancelledUnprepared` if the batch is cancelled before it was prepared. */
  #throughHolds<T>(call: () => Promise<T>): Promise<T> {
    return throughBatchFaults(call, async ({ cause }) => {
      this.#holds.raise(cause, this.#holds.seq);
      await condition(() => !this.#holds.isHeld(cause.scope) || this.#endsUnprepared());
      if (this.#endsUnprepared()) throw new CancelledUnprepared();
    });
  }
}
