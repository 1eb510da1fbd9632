import {
  allHandlersFinished,
  type CancellationScope,
  condition,
  ContinueAsNew,
  continueAsNew,
  upsertMemo,
} from '@temporalio/workflow';
import { EMPTY_TALLY, type Tally } from '../../domain/batch/tally.js';
import { batchProxies, isHistoryLong } from '../activity-proxies.js';
import { FreeClock } from '../free-clock.js';
import {
  SNAPSHOT_MEMO,
  type BatchEnd,
  type BatchSnapshot,
  type Instruction,
  type ResumedBatch,
  type RunBatchInput,
  type RunBatchResult,
} from '../protocol/batch-messages.js';
import { BatchLimits } from './batch-limits.js';
import { BatchBudget } from './batch-budget.js';
import { BatchCanary } from './batch-canary.js';
import { BatchNotices } from './batch-notices.js';
import { BatchPace } from './batch-pace.js';
import { BatchPauses } from './batch-pauses.js';
import { CancelledUnprepared, failureOf, BatchSteps } from './batch-steps.js';
import { BatchHolds } from './holds/batch-holds.js';
import { FailureTrials } from './holds/failure-trials.js';
import { handleMessages } from './message-handlers.js';
import { ShardRuns } from './shard-runs.js';
import { TakenReports } from './taken-reports.js';

/** The workflow of one batch, from its sheet to its seal. */
export class Batch {
  readonly #input: RunBatchInput;
  readonly #work: BatchSteps;
  readonly #holds: BatchHolds;
  readonly #trials: FailureTrials;
  readonly #shards: ShardRuns;
  readonly #budget: BatchBudget;
  readonly #startedAt: string;
  readonly #notices: BatchNotices;
  #phase: BatchSnapshot['phase'] = 'preparing';
  #ended: Pick<BatchSnapshot, 'endedAt' | 'failure'> = {};
  readonly #pauses: BatchPauses;
  readonly #pace: BatchPace;
  readonly #canary: BatchCanary;
  #cancelling = false;
  /** Undefined while the batch is being constructed. */
  #clock: FreeClock | undefined;
  readonly #limits: BatchLimits;
  readonly #reports: TakenReports;
  #carriedStored: number;

  constructor(input: RunBatchInput) {
    this.#input = input;
    const { settings, run, resumed } = input;
    this.#startedAt = resumed?.startedAt ?? new Date().toISOString();
    this.#notices = new BatchNotices({ run, startedAt: this.#startedAt });
    this.#pauses = new BatchPauses({
      byPerson: resumed?.paused ?? false,
      own: resumed?.pauses ?? [],
      onChange: () => this.#followPauses(),
      onShow: () => this.#noteSnapshot(),
    });
    this.#pace = new BatchPace({
      periods: resumed?.slowPeriods ?? [],
      onChange: (pace) => this.#followPace(pace),
    });
    this.#limits = new BatchLimits(input);
    this.#carriedStored = resumed?.carriedStored ?? 0;
    this.#shards = new ShardRuns({
      input,
      concurrency: () => this.#pace.within(this.#limits.concurrency),
      isCancelling: () => this.#cancelling,
      isDraining: () => !this.#cancelling && (isHistoryLong(settings) || this.#reports.areMany),
      openable: () => this.#canary.openable,
      common: () => ({
        // A cancelled batch starts nothing more; its rows settle once the jobs of the last probes are known.
        paused: this.#pauses.stopsBuying || this.#cancelling,
        cancelling: this.#cancelling && !this.#holds.isBuying,
        heldScopes: this.#holds.current.map(({ scope }) => scope),
        holdSeq: this.#holds.seq,
        // A canary is meant to show failures: it ends soon, however many rows fail.
        maxFailureRate: this.#canary.isOver ? this.#limits.maxFailureRate : 100,
        ...this.#holds.shown,
        createsNotBeforeMs: this.#pace.createsNotBeforeMs,
      }),
      budgetOf: (shard) => this.#budget.controlOf(shard),
      recordLost: (shard, openedAtMs) => this.#work.recordLost(shard, openedAtMs),
      onAdopted: (shard) => this.#budget.noteAdopted(shard),
      onEnd: (shard) => this.#budget.noteEnded(shard),
    });
    this.#budget = new BatchBudget({
      input,
      steps: () => this.#work,
      shards: this.#shards,
      pauses: this.#pauses,
      onChange: () => this.#noteSnapshot(),
    });
    this.#canary = new BatchCanary({
      input,
      pauses: this.#pauses,
      shards: this.#shards,
      isCancelling: () => this.#cancelling,
      report: (end) => this.#work.reportCanary({ ...end, concurrency: this.#limits.concurrency }),
    });
    this.#trials = new FailureTrials({
      firstWaitMs: settings.probeFirstMs,
      openShards: () => this.#shards.open.all,
      allow: (shard, trial) => this.#shards.open.allowTrial(shard, trial),
      mayBuy: () => !this.#pauses.stopsBuying && !this.#cancelling,
    });
    this.#holds = new BatchHolds({
      run,
      probe: batchProxies(settings).probe,
      ...settings,
      trials: this.#trials,
      shards: this.#shards.open,
      resumed,
      onChange: () => this.#sendControl(),
      deliver: (shard, probed) => this.#shards.open.deliver(shard, probed),
    });
    this.#reports = new TakenReports({
      budget: this.#budget,
      holds: this.#holds,
      pace: this.#pace,
      trials: this.#trials,
      shards: this.#shards,
    });
    this.#work = new BatchSteps({
      run,
      settings,
      holds: this.#holds,
      endsUnprepared: () => this.#cancelling && this.#phase === 'preparing',
    });
    this.#clock = new FreeClock(() => this.#isStopped());
  }

  async run(root: CancellationScope): Promise<RunBatchResult> {
    this.#handleMessages();
    this.#notices.watch();
    root.cancelRequested.catch(() => this.#cancel());
    try {
      const begun = this.#input.resumed ?? (await this.#work.ingest());
      if (!this.#input.resumed) this.#carriedStored = begun.settled.stored;
      this.#shards.begin(begun);
      this.#enter('running');
      await this.#canary.end();
      await condition(() => this.#shards.allEnded || this.#shards.isDrained);
      if (!this.#shards.allEnded) await this.#goOnInNewRun();
      const end: BatchEnd = this.#cancelling ? 'cancelled' : 'completed';
      await this.#budget.close();
      this.#enter('sealing');
      const [counted, startedAt, funds] = [this.#shards.tally, this.#startedAt, this.#holds.funds];
      const shards = { shardCount: begun.shards.shardCount, openedShards: this.#shards.opened };
      const tally = await this.#work.seal({ ...shards, ...funds, end, tally: counted, startedAt });
      this.#shards.sealed(tally);
      return await this.#end(end, tally);
    } catch (error) {
      if (error instanceof ContinueAsNew) throw error;
      if (error instanceof CancelledUnprepared) return await this.#end('cancelled', EMPTY_TALLY);
      this.#ended = { endedAt: new Date().toISOString(), ...failureOf(error) };
      this.#enter('failed');
      throw error;
    } finally {
      this.#holds.close();
    }
  }

  /** Ends this workflow run; the next one opens the remaining shards. Returns if the batch was cancelled before. */
  async #goOnInNewRun(): Promise<void> {
    await condition(() => allHandlersFinished() && this.#budget.isCounted);
    if (this.#cancelling) return;
    const { run, settings } = this.#input;
    const resumed: ResumedBatch = {
      ...this.#shards.left,
      ...this.#budget.left,
      startedAt: this.#startedAt,
      stoppedMs: this.#stoppedMs,
      carriedStored: this.#carriedStored,
      paused: this.#pauses.byPerson,
      pauses: this.#pauses.own,
      ...this.#holds.left,
      ...this.#limits.left,
      slowPeriods: this.#pace.periods,
    };
    await continueAsNew<(input: RunBatchInput) => Promise<RunBatchResult>>({ run, settings, resumed });
  }

  async #end(end: BatchEnd, tally: Tally): Promise<RunBatchResult> {
    const endedAt = new Date().toISOString();
    await this.#notices.notifyEnd({ end, tally }, endedAt);
    this.#ended = { endedAt };
    this.#enter(end);
    return { end, tally };
  }

  #handleMessages(): void {
    handleMessages({
      runSeq: this.#input.run.runSeq,
      snapshot: () => this.#snapshot(),
      apply: (instruction, how) => this.#apply(instruction, how),
      cancel: () => this.#cancel(),
      budget: this.#budget,
      takeReport: (report) => this.#reports.take(report),
    });
  }

  async #apply(instruction: Instruction, how?: Parameters<BatchBudget['set']>[1]): Promise<void> {
    switch (instruction.kind) {
      case 'pause':
        this.#pauses.pauseByPerson();
        break;
      case 'resume':
        if (instruction.rebind) await this.#work.rebind();
        // The batch may have been cancelled during the check of the key.
        if (this.#cancelling) return;
        this.#holds.releaseJudged();
        this.#pauses.resumeByPerson();
        break;
      case 'set':
        await this.#budget.set(instruction, how);
        this.#limits.set(instruction);
        // Shards must evaluate the new limit again.
        if (instruction.maxFailureRate !== undefined) this.#holds.release('failure-rate');
        this.#shards.deal();
        break;
    }
    this.#sendControl();
  }

  #cancel(): void {
    if (this.#cancelling) return;
    this.#cancelling = true;
    this.#holds.stopBuying();
    this.#shards.cancelUnopened();
    this.#sendControl();
  }

  #followPauses(): void {
    if (this.#pauses.stopsBuying) this.#holds.stopBuying();
    else this.#holds.startBuying();
    this.#sendControl();
  }

  #followPace(pace: 'slower' | 'faster'): void {
    this.#shards.deal();
    if (pace === 'slower') this.#sendControl();
    else this.#noteSnapshot();
  }

  #enter(phase: BatchSnapshot['phase']): void {
    this.#phase = phase;
    this.#noteSnapshot();
  }

  #sendControl(): void {
    this.#shards.open.sendControl();
    this.#noteSnapshot();
  }

  #snapshot(): BatchSnapshot {
    const pace = this.#ended.endedAt ? undefined : this.#pace.lowered(this.#limits.concurrency);
    return {
      run: this.#input.run,
      phase: this.#phase,
      paused: this.#pauses.isPaused,
      ...(this.#pauses.own.length > 0 && { pauses: this.#pauses.own }),
      ...this.#budget.shown,
      cancelling: this.#cancelling,
      holds: this.#ended.endedAt ? [] : this.#holds.current,
      tally: this.#shards.tally,
      openShards: this.#shards.open.all.map(({ shard, rows }) => ({ shard, rows })),
      carriedStored: this.#carriedStored,
      concurrency: this.#limits.concurrency,
      ...(pace && { pace }),
      startedAt: this.#startedAt,
      stoppedMs: this.#stoppedMs,
      ...this.#ended,
      asOf: new Date().toISOString(),
    };
  }

  get #stoppedMs(): number {
    return (this.#input.resumed?.stoppedMs ?? 0) + (this.#clock?.stoppedMs ?? 0);
  }

  #isStopped(): boolean {
    return this.#pauses.isPaused || this.#holds.current.some(({ scope }) => !scope.startsWith('model:'));
  }

  /** Writes the snapshot to the memo, where it can be read without a worker. */
  #noteSnapshot(): void {
    this.#clock?.follow();
    upsertMemo({ [SNAPSHOT_MEMO]: this.#snapshot() });
  }
}
