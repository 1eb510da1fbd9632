import { CancellationScope, condition, log, setHandler, startChild, upsertMemo } from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import { addTallies, EMPTY_TALLY, sameEnds, tallyOfPending, type Tally } from '../domain/tally.js';
import { dealSlots, windowSize } from '../domain/window.js';
import { activityProxies, batchFaultOf, wholeBatchProxies } from './activity-proxies.js';
import { BatchHolds } from './batch-holds.js';
import {
  cancelUpdate,
  shardFaultSignal,
  shardWorkflowId,
  slotReleaseSignal,
  snapshotQuery,
  SNAPSHOT_MEMO,
  type BatchEnd,
  type BatchSnapshot,
  type IngestResult,
  type RunBatchInput,
  type RunBatchResult,
  type ShardFault,
  type SlotRelease,
} from './messages.js';
import { OpenShards } from './open-shards.js';
import { runShard } from './run-shard.js';

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
  readonly #activities: Pick<Activities, 'ingest' | 'seal' | 'probe' | 'recordLostShard'>;
  readonly #holds: BatchHolds;
  readonly #startedAt = new Date().toISOString();
  readonly #open: OpenShards;
  #phase: BatchSnapshot['phase'] = 'preparing';
  #endedAt: string | undefined;
  #cancelling = false;
  #carriedStored = 0;
  /** All rows but those of the open shards and of those not yet opened. */
  #settled: Tally = EMPTY_TALLY;
  #unopened = { nextShard: 0, shardCount: 0, shardRows: 0, rows: 0 };

  constructor(input: RunBatchInput) {
    this.#input = input;
    const { recordLostShard } = activityProxies();
    this.#activities = { ...wholeBatchProxies(input.settings), recordLostShard };
    this.#open = new OpenShards(() => ({
      // A cancelled batch starts nothing more; its rows settle once it is known what the last probes bought for them.
      paused: this.#cancelling,
      cancelling: this.#cancelling && !this.#holds.isBuying,
      heldScopes: this.#holds.current.map(({ scope }) => scope),
      holdSeq: this.#holds.seq,
    }));
    this.#holds = new BatchHolds({
      run: input.run,
      idempotencyHorizonMs: input.settings.idempotencyHorizonMs,
      probe: this.#activities.probe,
      probeFirstMs: input.settings.probeFirstMs,
      probeLongestMs: input.settings.probeLongestMs,
      onChange: () => {
        this.#open.tellAll();
        this.#noteSnapshot();
      },
      deliver: (shard, probed) => this.#open.deliver(shard, probed),
    });
  }

  async run(root: CancellationScope): Promise<RunBatchResult> {
    this.#handleMessages();
    root.cancelRequested.catch(() => this.#cancel());
    const { run, settings } = this.#input;
    try {
      const ingested = await this.#throughHolds(() => this.#activities.ingest({ run, settings }));
      const counted = await this.#runShards(ingested);
      const end: BatchEnd = this.#cancelling ? 'cancelled' : 'completed';
      this.#enter('sealing');
      const tally = await this.#throughHolds(() =>
        this.#activities.seal({
          run,
          shardCount: ingested.shardCount,
          end,
          tally: counted,
          startedAt: this.#startedAt,
        }),
      );
      if (!sameEnds(tally, counted)) log.error('The sealed files contradict the count.', { counted, tally });
      this.#endedAt = new Date().toISOString();
      this.#enter(end);
      return { end, tally };
    } catch (error) {
      this.#endedAt = new Date().toISOString();
      this.#enter(error instanceof CancelledUnprepared ? 'cancelled' : 'failed');
      if (error instanceof CancelledUnprepared) return { end: 'cancelled', tally: EMPTY_TALLY };
      throw error;
    } finally {
      this.#holds.close();
    }
  }

  async #runShards({ shardCount, shardRows, rows, settled }: IngestResult): Promise<Tally> {
    this.#settled = settled;
    this.#carriedStored = settled.stored;
    this.#unopened = { nextShard: 0, shardCount, shardRows, rows };
    this.#enter('running');
    this.#dealSlots();
    await condition(() => this.#open.all.length === 0 && this.#unopened.rows === 0);
    return this.#settled;
  }

  #handleMessages(): void {
    // A handler runs in the root's scope: what it starts would be cancelled with it.
    const shield = CancellationScope.current();
    setHandler(snapshotQuery, () => this.#snapshot());
    setHandler(
      cancelUpdate,
      () =>
        shield.run(async () => {
          this.#cancel();
          return this.#snapshot();
        }),
      {
        validator: () => {
          if (!['preparing', 'running'].includes(this.#phase)) {
            throw new Error(`The batch is ${this.#phase}: nothing is left to cancel.`);
          }
        },
      },
    );
    setHandler(slotReleaseSignal, (release) => shield.run(async () => this.#takeSlotsBack(release)));
    setHandler(shardFaultSignal, (fault) => shield.run(async () => this.#takeFault(fault)));
  }

  #takeSlotsBack(release: SlotRelease): void {
    if (this.#open.takeRelease(release)) this.#dealSlots();
  }

  #takeFault(fault: ShardFault): void {
    this.#open.takeFault(fault);
    const before = this.#holds.seq;
    this.#holds.raise(fault.cause, fault.holdSeq, fault.candidate);
    // An ignored fault is answered too, or its shard would wait for ever.
    if (this.#holds.seq === before) this.#open.tell(fault.shard);
  }

  #cancel(): void {
    if (this.#cancelling) return;
    this.#cancelling = true;
    this.#holds.stopBuying();
    this.#cancelUnopened();
    this.#open.tellAll();
    this.#noteSnapshot();
  }

  /** Rows of shards that were never opened end without anything having been bought for them. */
  #cancelUnopened(): void {
    const { rows, shardCount } = this.#unopened;
    this.#settled = addTallies(this.#settled, { ...EMPTY_TALLY, total: rows, cancelled: rows });
    this.#unopened = { ...this.#unopened, nextShard: shardCount, rows: 0 };
  }

  #dealSlots(): void {
    if (this.#cancelling) this.#cancelUnopened();
    const { nextShard, shardCount } = this.#unopened;
    const { concurrency } = this.#input.settings;
    const plan = dealSlots({ concurrency, openShards: this.#open.all, nextShard, shardCount });
    for (const { shard, granted } of plan.raise) this.#open.grant(shard, granted);
    for (const { shard, granted } of plan.open) this.#openShard(shard, granted);
  }

  #openShard(shard: number, granted: number): void {
    const rows = Math.min(this.#unopened.rows, this.#unopened.shardRows);
    this.#unopened = {
      ...this.#unopened,
      nextShard: shard + 1,
      rows: this.#unopened.rows - rows,
    };
    this.#runShard(shard, rows, granted).catch((error: unknown) => {
      log.error('A shard ended in a way that was not foreseen.', { shard, error });
    });
  }

  /** Runs a shard to its end; one that is ended from outside is started once more, then its open rows are given up. */
  async #runShard(shard: number, rows: number, granted: number): Promise<void> {
    const openedAtMs = Date.now();
    let tally = await this.#executeShard({ shard, rows, granted, execution: 1 });
    if (!tally) {
      // What the first execution gave back may have been dealt to others.
      const left = this.#open.get(shard);
      const second = this.#executeShard({
        shard,
        rows,
        granted: left ? windowSize(left.slots) : granted,
        execution: 2,
      });
      this.#dealSlots();
      tally = await second;
    }
    const { run } = this.#input;
    tally ??= await this.#throughHolds(() => this.#activities.recordLostShard({ run, shard, openedAtMs }));
    this.#settled = addTallies(this.#settled, tally);
    this.#open.close(shard);
    this.#dealSlots();
    this.#noteSnapshot();
  }

  /** The shard's tally, or undefined where it was ended from outside. */
  async #executeShard(start: {
    readonly shard: number;
    readonly rows: number;
    readonly granted: number;
    readonly execution: number;
  }): Promise<Tally | undefined> {
    const { shard, execution } = start;
    const control = this.#open.open(start);
    try {
      const { run, settings } = this.#input;
      const handle = await startChild(runShard, {
        workflowId: shardWorkflowId(run, shard),
        args: [{ run, shard, execution, settings, control }],
      });
      this.#open.started(shard, handle);
      return (await handle.result()).tally;
    } catch (error) {
      log.warn('A shard was ended from outside.', { shard, error });
      return undefined;
    }
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

  #snapshot(): BatchSnapshot {
    return {
      run: this.#input.run,
      phase: this.#phase,
      paused: false,
      cancelling: this.#cancelling,
      holds: this.#holds.current,
      tally: addTallies(this.#settled, tallyOfPending(this.#unopened.rows)),
      openShards: this.#open.all.map(({ shard, rows }) => ({ shard, rows })),
      carriedStored: this.#carriedStored,
      concurrency: this.#input.settings.concurrency,
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
