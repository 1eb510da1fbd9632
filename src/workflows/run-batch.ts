import {
  allHandlersFinished,
  CancellationScope,
  condition,
  ContinueAsNew,
  continueAsNew,
  log,
  upsertMemo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import { DEFAULT_MAX_FAILURE_RATE } from '../domain/failure-rate.js';
import { JOBS_MISSING } from '../domain/holds.js';
import { EMPTY_TALLY, sameEnds, type Tally } from '../domain/tally.js';
import { activityProxies, batchFaultOf, wholeBatchProxies } from './activity-proxies.js';
import { BatchHolds } from './batch-holds.js';
import { handleMessages } from './batch-messages.js';
import { FailureTrials } from './failure-trials.js';
import { isHistoryLong } from './history-length.js';
import {
  SNAPSHOT_MEMO,
  type BatchEnd,
  type BatchSnapshot,
  type Instruction,
  type ResumedBatch,
  type RunBatchInput,
  type RunBatchResult,
  type ShardFault,
} from './messages.js';
import { ShardRuns } from './shard-runs.js';

/**
 * Runs a batch from its sheet to its sealed report. Ends when every row has settled; faults of account, service or
 * bucket make it wait, never fail. Cancelling this workflow is the same as cancelling the batch.
 */
export async function runBatch(input: RunBatchInput): Promise<RunBatchResult> {
  const root = CancellationScope.current();
  return CancellationScope.nonCancellable(() => new Batch(input).run(root));
}

/** The batch was cancelled while a hold kept its sheet from being read: nothing was bought, and there is nothing to seal. */
class CancelledUnprepared extends Error {}

class Batch {
  readonly #input: RunBatchInput;
  readonly #activities: Pick<Activities, 'ingest' | 'seal' | 'probe' | 'recordLostShard' | 'rebindAccount'>;
  readonly #holds: BatchHolds;
  readonly #trials: FailureTrials;
  readonly #shards: ShardRuns;
  readonly #startedAt: string;
  #phase: BatchSnapshot['phase'] = 'preparing';
  #endedAt: string | undefined;
  #paused: boolean;
  #cancelling = false;
  #missingAccepted: boolean;
  #concurrency: number;
  #maxFailureRate: number;
  #carriedStored: number;

  constructor(input: RunBatchInput) {
    this.#input = input;
    const { settings, run, resumed } = input;
    this.#startedAt = resumed?.startedAt ?? new Date().toISOString();
    this.#paused = resumed?.paused ?? false;
    this.#missingAccepted = resumed?.missingAccepted ?? false;
    this.#concurrency = resumed?.concurrency ?? settings.concurrency;
    this.#maxFailureRate = resumed?.maxFailureRate ?? settings.maxFailureRate ?? DEFAULT_MAX_FAILURE_RATE;
    this.#carriedStored = resumed?.carriedStored ?? 0;
    const { recordLostShard } = activityProxies();
    this.#activities = { ...wholeBatchProxies(settings), recordLostShard };
    this.#shards = new ShardRuns({
      input,
      concurrency: () => this.#concurrency,
      isCancelling: () => this.#cancelling,
      isDraining: () => !this.#cancelling && isHistoryLong(settings),
      common: () => ({
        // A cancelled batch starts nothing more; its rows settle once it is known what the last probes bought for them.
        paused: this.#paused || this.#cancelling,
        cancelling: this.#cancelling && !this.#holds.isBuying,
        heldScopes: this.#holds.current.map(({ scope }) => scope),
        holdSeq: this.#holds.seq,
        maxFailureRate: this.#maxFailureRate,
        missingAccepted: this.#missingAccepted,
      }),
      recordLost: (shard, openedAtMs) =>
        this.#throughHolds(() => this.#activities.recordLostShard({ run, shard, openedAtMs })),
      onChange: () => this.#noteSnapshot(),
    });
    this.#trials = new FailureTrials({
      firstWaitMs: settings.probeFirstMs,
      openShards: () => this.#shards.open.all,
      allow: (shard, trial) => this.#shards.open.allowTrial(shard, trial),
      mayBuy: () => !this.#paused && !this.#cancelling,
    });
    this.#holds = new BatchHolds({
      run,
      idempotencyHorizonMs: settings.idempotencyHorizonMs,
      probe: this.#activities.probe,
      probeFirstMs: settings.probeFirstMs,
      probeLongestMs: settings.probeLongestMs,
      trials: this.#trials,
      onChange: () => this.#tellAll(),
      deliver: (shard, probed) => this.#shards.open.deliver(shard, probed),
    });
  }

  async run(root: CancellationScope): Promise<RunBatchResult> {
    this.#handleMessages();
    root.cancelRequested.catch(() => this.#cancel());
    try {
      const begun = this.#input.resumed ?? (await this.#ingest());
      this.#shards.begin(begun);
      this.#enter('running');
      await condition(() => this.#shards.allEnded || this.#shards.isDrained);
      if (!this.#shards.allEnded) await this.#goOnInNewRun();
      const end: BatchEnd = this.#cancelling ? 'cancelled' : 'completed';
      this.#enter('sealing');
      const tally = await this.#seal(begun.shards.shardCount, end);
      this.#endedAt = new Date().toISOString();
      this.#enter(end);
      return { end, tally };
    } catch (error) {
      if (error instanceof ContinueAsNew) throw error;
      this.#endedAt = new Date().toISOString();
      this.#enter(error instanceof CancelledUnprepared ? 'cancelled' : 'failed');
      if (error instanceof CancelledUnprepared) return { end: 'cancelled', tally: EMPTY_TALLY };
      throw error;
    } finally {
      this.#holds.close();
    }
  }

  async #ingest(): Promise<Pick<ResumedBatch, 'shards' | 'settled'>> {
    const { run, settings } = this.#input;
    const ingested = await this.#throughHolds(() => this.#activities.ingest({ run, settings }));
    const { settled, shardCount, shardRows, rows } = ingested;
    this.#carriedStored = settled.stored;
    return { settled, shards: { nextShard: 0, shardCount, shardRows, rows } };
  }

  /** Ends this workflow run, and the next one opens the shards that are left; returns where the batch was cancelled before that. */
  async #goOnInNewRun(): Promise<void> {
    await condition(allHandlersFinished);
    if (this.#cancelling) return;
    const { run, settings } = this.#input;
    const resumed: ResumedBatch = {
      ...this.#shards.left,
      startedAt: this.#startedAt,
      carriedStored: this.#carriedStored,
      paused: this.#paused,
      missingAccepted: this.#missingAccepted,
      concurrency: this.#concurrency,
      maxFailureRate: this.#maxFailureRate,
    };
    await continueAsNew<typeof runBatch>({ run, settings, resumed });
  }

  async #seal(shardCount: number, end: BatchEnd): Promise<Tally> {
    const { run } = this.#input;
    const counted = this.#shards.tally;
    const tally = await this.#throughHolds(() =>
      this.#activities.seal({ run, shardCount, end, tally: counted, startedAt: this.#startedAt }),
    );
    if (!sameEnds(tally, counted)) log.warn('The sealed files count otherwise.', { counted, tally });
    this.#shards.sealed(tally);
    return tally;
  }

  #handleMessages(): void {
    handleMessages({
      runSeq: this.#input.run.runSeq,
      snapshot: () => this.#snapshot(),
      obey: (instruction) => this.#obey(instruction),
      cancel: () => this.#cancel(),
      takeSlotsBack: (release) => this.#shards.takeSlotsBack(release),
      takeFault: (fault) => this.#takeFault(fault),
      takeTrialEnd: (end) => this.#trials.take(end),
      takeShardEnd: (shard) => this.#shards.open.adoptedEnded(shard),
    });
  }

  async #obey(instruction: Instruction): Promise<void> {
    switch (instruction.kind) {
      case 'pause':
        this.#paused = true;
        this.#holds.stopBuying();
        break;
      case 'resume':
        if (instruction.rebind) await this.#rebind();
        this.#resume();
        break;
      case 'set':
        this.#concurrency = instruction.concurrency ?? this.#concurrency;
        if (instruction.maxFailureRate !== undefined) {
          this.#maxFailureRate = instruction.maxFailureRate;
          // What is allowed now is counted anew.
          this.#holds.release('failure-rate');
        }
        this.#shards.deal();
        break;
    }
    this.#tellAll();
  }

  async #rebind(): Promise<void> {
    const { run } = this.#input;
    const jobId = this.#holds.jobBehind('account');
    await this.#activities.rebindAccount({ run, ...(jobId && { jobId }) });
  }

  /** Goes on: holds that only a person can judge are over, the others are looked at now. */
  #resume(): void {
    // While a key was being looked at, the batch may have been cancelled.
    if (this.#cancelling) return;
    this.#paused = false;
    this.#holds.release('failure-rate');
    if (this.#holds.current.some(({ code }) => code === JOBS_MISSING)) {
      this.#missingAccepted = true;
      this.#holds.release('account');
    }
    this.#holds.startBuying();
  }

  #takeFault(fault: ShardFault): void {
    this.#shards.takeFault(fault, () => {
      this.#holds.raise(fault.cause, fault.holdSeq, fault.candidate);
      // The hold's end is told to all.
      return this.#holds.isHeld(fault.cause.scope);
    });
  }

  #cancel(): void {
    if (this.#cancelling) return;
    this.#cancelling = true;
    this.#holds.stopBuying();
    this.#shards.cancelUnopened();
    this.#tellAll();
  }

  /**
   * Runs an activity that concerns the whole batch until it answers; a hold only makes it wait. Throws
   * `CancelledUnprepared` where the batch is cancelled while it waits to be prepared.
   */
  async #throughHolds<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const fault = batchFaultOf(error);
        if (!fault) throw error;
        this.#holds.raise(fault.cause, this.#holds.seq, undefined);
        await condition(() => !this.#holds.isHeld(fault.cause.scope) || this.#endsUnprepared);
        if (this.#endsUnprepared) throw new CancelledUnprepared();
      }
    }
  }

  get #endsUnprepared(): boolean {
    return this.#cancelling && this.#phase === 'preparing';
  }

  #enter(phase: BatchSnapshot['phase']): void {
    this.#phase = phase;
    this.#noteSnapshot();
  }

  #tellAll(): void {
    this.#shards.open.tellAll();
    this.#noteSnapshot();
  }

  #snapshot(): BatchSnapshot {
    return {
      run: this.#input.run,
      phase: this.#phase,
      paused: this.#paused,
      cancelling: this.#cancelling,
      holds: this.#endedAt ? [] : this.#holds.current,
      tally: this.#shards.tally,
      openShards: this.#shards.open.all.map(({ shard, rows }) => ({ shard, rows })),
      carriedStored: this.#carriedStored,
      concurrency: this.#concurrency,
      startedAt: this.#startedAt,
      ...(this.#endedAt && { endedAt: this.#endedAt }),
      asOf: new Date().toISOString(),
    };
  }

  /** Keeps the snapshot where it can be read without a worker. */
  #noteSnapshot(): void {
    upsertMemo({ [SNAPSHOT_MEMO]: this.#snapshot() });
  }
}
