import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  condition,
  getExternalWorkflowHandle,
  log,
  startChild,
  Trigger,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { addTallies, EMPTY_TALLY, tallyOfPending, type Tally } from '../../domain/batch/tally.js';
import { dealSlots, slotsToKeep } from '../../domain/batch/window.js';
import type { ReportCanaryInput } from '../protocol/activities.js';
import type { ResumedBatch, RunBatchInput, UnopenedShards } from '../protocol/batch-messages.js';
import {
  controlSignal,
  type BudgetControl,
  type RunShardResult,
  type ShardControl,
} from '../protocol/shard-messages.js';
import { shardWorkflowId } from '../protocol/names.js';
import { OpenShards, type CommonControl, type ShardStart } from './open-shards.js';
import { runShard } from '../run-shard.js';

/** First interval between checks whether an adopted shard has ended; the shard also signals its end. */
const FIRST_ADOPTED_WAIT_MS = 1_000;
const LONGEST_ADOPTED_WAIT_MS = 3_600_000;

/** The shards of a batch: opens them within its concurrency, restarts those that were ended from outside, and counts their rows. */
export class ShardRuns {
  readonly open: OpenShards;
  readonly #input: RunBatchInput;
  readonly #concurrency: () => number;
  readonly #isCancelling: () => boolean;
  readonly #isDraining: () => boolean;
  readonly #openable: () => number;
  readonly #recordLost: (shard: number, openedAtMs: number) => Promise<Tally>;
  readonly #onAdopted: (shard: number) => void;
  readonly #onEnd: (shard: number) => void;
  /** Of children that are awaited: resolves if another workflow run has taken their place. */
  readonly #replaced = new Map<number, Trigger<undefined>>();
  #settled: Tally = EMPTY_TALLY;
  #hasBegun = false;
  #opened = 0;
  #canaryMs: readonly number[] = [];
  #unopened: UnopenedShards = { nextShard: 0, shardCount: 0, shardRows: 0, rows: 0 };

  constructor(options: {
    readonly input: RunBatchInput;
    readonly concurrency: () => number;
    readonly isCancelling: () => boolean;
    /** Whether no more shards are to be opened. */
    readonly isDraining: () => boolean;
    /** Number of shards that may be opened, counted from the first. */
    readonly openable: () => number;
    readonly common: () => CommonControl;
    readonly budgetOf: (shard: number) => BudgetControl | undefined;
    /** Gives up the unfinished rows of a shard that was ended from outside twice; returns its tally. */
    readonly recordLost: (shard: number, openedAtMs: number) => Promise<Tally>;
    /** Called before a shard that is already running gets its first control. */
    readonly onAdopted: (shard: number) => void;
    /** Called after a shard has ended. */
    readonly onEnd: (shard: number) => void;
  }) {
    const { common, budgetOf } = options;
    const send = (shard: number, control: ShardControl): void => this.#send(shard, control);
    this.open = new OpenShards({ common, budgetOf, send, runId: () => workflowInfo().runId });
    this.#input = options.input;
    this.#concurrency = options.concurrency;
    this.#isCancelling = options.isCancelling;
    this.#isDraining = options.isDraining;
    this.#openable = options.openable;
    this.#recordLost = options.recordLost;
    this.#onAdopted = options.onAdopted;
    this.#onEnd = options.onEnd;
  }

  /** All rows except those of the open shards. */
  get tally(): Tally {
    return addTallies(this.#settled, tallyOfPending(this.#unopened.rows));
  }

  /** Number of shards opened so far, including those of earlier workflow runs: once they have ended, each of their rows is recorded. */
  get opened(): number {
    return this.#opened;
  }

  /** Shards that have been opened and have ended. */
  get ended(): readonly number[] {
    return Array.from({ length: this.#opened }, (_, shard) => shard).filter((shard) => !this.open.get(shard));
  }

  /** Number of all shards; undefined before the sheet is read. */
  get count(): number | undefined {
    return this.#hasBegun ? this.#unopened.shardCount : undefined;
  }

  /** The state for the next workflow run of the batch, once no shard is open. */
  get left(): Pick<ResumedBatch, 'shards' | 'settled'> {
    return { shards: this.#unopened, settled: this.#settled };
  }

  /** Replaces the batch's tally by that of the sealed files: a cancelled row may have kept an earlier image. */
  sealed(tally: Tally): void {
    this.#settled = tally;
  }

  get allEnded(): boolean {
    return this.open.all.length === 0 && this.#unopened.rows === 0;
  }

  /** The result of the canary, the run's first shard; undefined until that has ended. */
  get canaryEnd(): CanaryEnd | undefined {
    if (this.#unopened.nextShard === 0 || this.open.get(0)) return undefined;
    return { left: this.#unopened.rows, durationsMs: this.#canaryMs };
  }

  /** Whether the only rows left are in shards that will not be opened. */
  get isDrained(): boolean {
    return this.open.all.length === 0 && this.#isDraining();
  }

  /** Takes the shards to run, and starts. */
  begin({ shards, settled }: Pick<ResumedBatch, 'shards' | 'settled'>): void {
    this.#settled = settled;
    this.#unopened = shards;
    this.#hasBegun = true;
    this.#opened = shards.nextShard;
    this.deal();
  }

  /** Distributes the free slots, or asks for some back if the concurrency was lowered. */
  deal(): void {
    if (this.#isCancelling()) this.cancelUnopened();
    const { nextShard } = this.#unopened;
    const shardCount = this.#isDraining() ? nextShard : Math.min(this.#unopened.shardCount, this.#openable());
    const concurrency = this.#concurrency();
    const plan = dealSlots({ concurrency, openShards: this.open.all, nextShard, shardCount });
    for (const { shard, granted } of plan.raise) this.open.grant(shard, granted);
    for (const { shard, granted } of plan.open) this.#openShard(shard, granted);
    for (const { shard, keep } of slotsToKeep(concurrency, this.open.all)) this.open.limit(shard, keep);
  }

  /** Settles as cancelled the rows of shards that were never opened; nothing was bought for them. */
  cancelUnopened(): void {
    const { rows, shardCount } = this.#unopened;
    this.#settled = addTallies(this.#settled, { ...EMPTY_TALLY, total: rows, cancelled: rows });
    this.#unopened = { ...this.#unopened, nextShard: shardCount, rows: 0 };
  }

  /** By workflow id: the handle of a child does not reach children started before a reset. */
  #send(shard: number, control: ShardControl): void {
    getExternalWorkflowHandle(shardWorkflowId(this.#input.run, shard))
      .signal(controlSignal, control)
      .catch((error: unknown) => {
        log.info('A shard ended before a message reached it.', { shard, error });
      });
  }

  #openShard(shard: number, granted: number): void {
    const { canaryRows, shardRows } = this.#unopened;
    const rows = Math.min(this.#unopened.rows, (shard === 0 && canaryRows) || shardRows);
    this.#unopened = {
      ...this.#unopened,
      nextShard: shard + 1,
      rows: this.#unopened.rows - rows,
    };
    this.#opened = shard + 1;
    this.#runShard(shard, rows, granted).catch((error: unknown) => {
      log.error('A shard ended with an unexpected error.', { shard, error });
    });
  }

  /** Runs a shard to its end. If it is ended from outside it is restarted once, then its open rows are given up. */
  async #runShard(shard: number, rows: number, granted: number): Promise<void> {
    const openedAtMs = Date.now();
    let tally = await this.#executeShard({ shard, rows, granted });
    if (!tally) {
      const second = this.#executeShard({ shard, rows, granted: this.open.windowOf(shard) });
      this.deal();
      tally = await second;
    }
    tally ??= await this.#recordLost(shard, openedAtMs);
    this.#settled = addTallies(this.#settled, tally);
    this.open.close(shard);
    this.deal();
    this.#onEnd(shard);
  }

  /** The shard's tally; undefined if it was ended from outside. */
  async #executeShard(start: ShardStart): Promise<Tally | undefined> {
    const { shard } = start;
    try {
      let result = await this.#runOnce(shard, this.open.open(start));
      while (!result) {
        this.open.replaced(shard);
        result = await this.#runOnce(shard, this.open.controlOfNext(shard));
      }
      const { tally, durationsMs } = result;
      if (durationsMs) this.#canaryMs = durationsMs;
      return tally;
    } catch (error) {
      log.warn('A shard was terminated from outside.', { shard, error });
      return undefined;
    }
  }

  /** The result of a child that starts with this control; undefined if another workflow run has taken its place. */
  async #runOnce(shard: number, control: ShardControl): Promise<RunShardResult | undefined> {
    const handle = await this.#startWhenFree(shard, control);
    const replaced = new Trigger<undefined>();
    this.#replaced.set(shard, replaced);
    try {
      return await Promise.race([handle.result(), replaced]);
    } finally {
      this.#replaced.delete(shard);
    }
  }

  /** Notes that a workflow run of a shard reports that is not the awaited child: someone has reset an earlier one. */
  replaced(shard: number): void {
    this.#replaced.get(shard)?.resolve(undefined);
  }

  /**
   * Starts a shard. If it is already running, this batch was reset to a time before the start, or an earlier workflow
   * run of the shard was reset: it continues, since only it knows the jobs it has made. After its end a new execution
   * reads what it recorded.
   */
  async #startWhenFree(shard: number, first: ShardControl): Promise<ChildWorkflowHandle<typeof runShard>> {
    const { run, settings } = this.#input;
    let control = first;
    for (let waitMs = FIRST_ADOPTED_WAIT_MS; ; waitMs = Math.min(LONGEST_ADOPTED_WAIT_MS, waitMs * 2)) {
      try {
        const handle = await startChild(runShard, {
          workflowId: shardWorkflowId(run, shard),
          args: [{ run, shard, settings, control }],
        });
        this.open.started(shard, control, handle.firstExecutionRunId);
        // Slots granted or recalled meanwhile were not meant for this execution.
        this.deal();
        return handle;
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
      this.#onAdopted(shard);
      this.open.adopted(shard);
      // The shard's own signal arrives shortly before its end.
      if (await condition(() => this.open.get(shard)?.isAdopted !== true, waitMs))
        waitMs = FIRST_ADOPTED_WAIT_MS / 2;
      control = this.open.controlOfNext(shard);
    }
  }
}

/** The result of a canary, once its rows have settled. */
export type CanaryEnd = Pick<ReportCanaryInput, 'left' | 'durationsMs'>;
