import { ActivityFailure, ApplicationFailure, condition, log } from '@temporalio/workflow';
import type { Activities, LeaseBudgetInput, ReportCanaryInput, SealInput } from '../protocol/activities.js';
import type { LeaseAnswer } from '../../domain/money/batch-leases.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';
import { sameEnds, type Tally } from '../../domain/batch/tally.js';
import type { RunRef } from '../../storage/layout.js';
import { activityProxies, batchFaultOf, wholeBatchProxies } from '../activity-proxies.js';
import type { BatchHolds } from './holds/batch-holds.js';
import type { BatchSnapshot, ResumedBatch } from '../protocol/batch-messages.js';

/** The batch was cancelled while a hold kept its sheet from being read: nothing was bought, and there is nothing to seal. */
export class CancelledUnprepared extends Error {}

/** What a batch that has failed shows of it: our own sentence, where an activity gave up with one. */
export function failureOf(error: unknown): Pick<BatchSnapshot, 'failure'> {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.nonRetryable ? { failure: cause.message } : {};
}

/** The steps of a batch that go over all of its rows. A hold only makes them wait. */
export class WholeBatch {
  readonly #run: RunRef;
  readonly #settings: RunSettings;
  readonly #holds: BatchHolds;
  readonly #endsUnprepared: () => boolean;
  readonly #activities: Pick<
    Activities,
    'ingest' | 'leaseBudget' | 'reportCanary' | 'seal' | 'recordLostShard' | 'rebindAccount'
  >;

  constructor(options: {
    readonly run: RunRef;
    readonly settings: RunSettings;
    readonly holds: BatchHolds;
    /** It is cancelled, and its sheet is not read yet. */
    readonly endsUnprepared: () => boolean;
  }) {
    const { run, settings, holds, endsUnprepared } = options;
    this.#run = run;
    this.#settings = settings;
    this.#holds = holds;
    this.#endsUnprepared = endsUnprepared;
    const { recordLostShard } = activityProxies(settings);
    this.#activities = { ...wholeBatchProxies(settings), recordLostShard };
  }

  /** The shards that are to be opened, and the rows that need none. */
  async ingest(): Promise<Pick<ResumedBatch, 'shards' | 'settled'>> {
    const [run, settings] = [this.#run, this.#settings];
    const { settled, ...shards } = await this.#throughHolds(() => this.#activities.ingest({ run, settings }));
    return { settled, shards: { nextShard: 0, ...shards } };
  }

  /** What of the budget the shards have now. */
  lease(asked: Omit<LeaseBudgetInput, 'run'>): Promise<LeaseAnswer> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.leaseBudget({ run, ...asked }));
  }

  recordLost(shard: number, openedAtMs: number): Promise<Tally> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.recordLostShard({ run, shard, openedAtMs }));
  }

  reportCanary(input: Omit<ReportCanaryInput, 'run'>): ReturnType<Activities['reportCanary']> {
    const run = this.#run;
    return this.#throughHolds(() => this.#activities.reportCanary({ run, ...input }));
  }

  /** What the sealed files say, which may be otherwise than what was counted. */
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

  /** Repeats until it answers. Throws `CancelledUnprepared` where the batch is cancelled while it waits to be prepared. */
  async #throughHolds<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const fault = batchFaultOf(error);
        if (!fault) throw error;
        this.#holds.raise(fault.cause, this.#holds.seq);
        await condition(() => !this.#holds.isHeld(fault.cause.scope) || this.#endsUnprepared());
        if (this.#endsUnprepared()) throw new CancelledUnprepared();
      }
    }
  }
}
