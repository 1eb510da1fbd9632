import { getExternalWorkflowHandle, log, workflowInfo } from '@temporalio/workflow';
import type { LeaseControl } from '../../domain/money/budget.js';
import { firstSlots, windowSize, type OpenShard } from '../../domain/batch/window.js';
import type { RunRef } from '../../storage/layout.js';
import {
  controlSignal,
  probedRowSignal,
  type ProbedRow,
  type RowCall,
  type ShardControl,
  type ShardFault,
  type SlotRelease,
} from '../protocol/shard-messages.js';
import { shardWorkflowId } from '../protocol/names.js';

/** A running shard, as its batch knows it. */
export interface RunningShard extends OpenShard {
  readonly rows: number;
  readonly execution: number;
  /** The shard can receive signals. */
  readonly isStarted: boolean;
  /** The shard was started by this workflow before a reset and is no longer its child. */
  readonly isAdopted: boolean;
  readonly controlSeq: number;
  readonly faultsTaken: number;
  readonly trial: number;
  /** The last call for rows that was sent to the shard. */
  readonly call?: RowCall;
  /** Something changed before the shard could receive signals. */
  readonly untold: boolean;
}

/** The part of the control that is the same for all shards. */
export type CommonControl = Pick<
  ShardControl,
  | 'paused'
  | 'cancelling'
  | 'heldScopes'
  | 'holdSeq'
  | 'maxFailureRate'
  | 'missingAcceptedMs'
  | 'witness'
  | 'probed'
  | 'createsNotBeforeMs'
>;

/** The running shards of a batch, and the signals to them. */
export class OpenShards {
  readonly #run: RunRef;
  readonly #shards = new Map<number, RunningShard>();
  readonly #common: () => CommonControl;
  readonly #leaseOf: (shard: number) => LeaseControl | undefined;

  constructor(
    run: RunRef,
    common: () => CommonControl,
    leaseOf: (shard: number) => LeaseControl | undefined,
  ) {
    this.#run = run;
    this.#common = common;
    this.#leaseOf = leaseOf;
  }

  get all(): readonly RunningShard[] {
    return [...this.#shards.values()];
  }

  get(shard: number): RunningShard | undefined {
    return this.#shards.get(shard);
  }

  /** Registers a shard that is about to be started, and returns the control for its input. */
  open(
    start: Pick<RunningShard, 'shard' | 'rows' | 'execution'> & { readonly granted: number },
  ): ShardControl {
    const { shard, rows, execution, granted } = start;
    const controlSeq = nextSeq(this.#shards.get(shard)?.controlSeq);
    const unheard = { isStarted: false, isAdopted: false, faultsTaken: 0, trial: 0, untold: false };
    const slots = firstSlots(granted);
    this.#shards.set(shard, { shard, rows, execution, slots, exhausted: false, controlSeq, ...unheard });
    return this.#controlFor(shard);
  }

  /** Records that a shard has started with the control of its input, and sends what changed since. */
  started(shard: number, { slots, seq }: ShardControl): void {
    const running = this.#shards.get(shard);
    const controlSeq = Math.max(seq, running?.controlSeq ?? 0);
    this.#change(shard, { slots, controlSeq, isStarted: true, isAdopted: false, untold: false });
    if (running?.untold) this.tell(shard);
  }

  /** Registers a running shard that this batch started before a reset, and sends it the new parent's control. */
  adopted(shard: number): void {
    const running = this.#shards.get(shard);
    this.#change(shard, { isStarted: true, isAdopted: true, untold: false });
    if (running?.untold || !running?.isAdopted) this.tell(shard);
  }

  /** Records that an adopted shard has ended. */
  adoptedEnded(shard: number): void {
    this.#change(shard, { isStarted: false, isAdopted: false });
  }

  /** The control for the input of the execution that replaces an adopted one. Nothing is sent until it has started. */
  controlOfNext(shard: number): ShardControl {
    this.#change(shard, { isStarted: false });
    const seq = nextSeq(this.#shards.get(shard)?.controlSeq);
    const slots = firstSlots(this.windowOf(shard));
    return { ...this.#controlFor(shard), seq, slots, isAdopted: false };
  }

  /** Slots with which the next execution of a shard may start: those that the last one returned may have been given to others. */
  windowOf(shard: number): number {
    const running = this.#shards.get(shard);
    return running ? Math.max(1, windowSize(running.slots)) : 1;
  }

  close(shard: number): void {
    this.#shards.delete(shard);
  }

  /** Raises a shard's number of granted slots, and sends it. */
  grant(shard: number, granted: number): void {
    this.#changeSlots(shard, { granted });
    this.tell(shard);
  }

  /** Asks a shard to return slots. */
  recall(shard: number, recalled: number): void {
    this.#changeSlots(shard, { recalled });
    this.tell(shard);
  }

  /** Takes returned slots back; false if the execution that released them has ended. */
  takeRelease({ shard, execution, released, recallAnswered, exhausted }: SlotRelease): boolean {
    const running = this.#shards.get(shard);
    if (running?.execution !== execution) return false;
    this.#changeSlots(shard, {
      released: Math.max(released, running.slots.released),
      recallAnswered: Math.max(recallAnswered, running.slots.recallAnswered),
    });
    this.#change(shard, { exhausted: running.exhausted || exhausted });
    return true;
  }

  /** Allows a shard one create despite the failure rate. */
  allowTrial(shard: number, trial: number): void {
    this.#change(shard, { trial });
    this.tell(shard);
  }

  /** Asks a shard for rows that a probe can use. */
  callRows(shard: number, call: RowCall): void {
    this.#change(shard, { call });
    this.tell(shard);
  }

  /** Records that a shard's fault has arrived: the next control confirms it. */
  takeFault({ shard, execution, count }: ShardFault): void {
    const running = this.#shards.get(shard);
    if (running?.execution !== execution) return;
    this.#change(shard, { faultsTaken: Math.max(count, running.faultsTaken) });
  }

  sendControl(): void {
    for (const shard of this.#shards.keys()) this.tell(shard);
  }

  tell(shard: number): void {
    const running = this.#shards.get(shard);
    if (!running) return;
    if (!running.isStarted) {
      this.#change(shard, { untold: true });
      return;
    }
    this.#change(shard, { controlSeq: nextSeq(running.controlSeq) });
    this.#handleOf(shard)
      .signal(controlSignal, this.#controlFor(shard))
      .catch((error: unknown) => {
        log.info('A shard ended before a message reached it.', { shard, error });
      });
  }

  /** Sends the result of a probe to the row's shard, unless that has ended. Never rejects. */
  async deliver(shard: number, probed: ProbedRow): Promise<void> {
    const running = this.#shards.get(shard);
    if (!running?.isStarted && !running?.isAdopted) return;
    await this.#handleOf(shard)
      .signal(probedRowSignal, probed)
      .catch((error: unknown) => {
        log.warn('A shard ended before the result of a hold check reached it.', { shard, error });
      });
  }

  /** By workflow id: the handle of a child does not reach children started before a reset. */
  #handleOf(shard: number): ReturnType<typeof getExternalWorkflowHandle> {
    return getExternalWorkflowHandle(shardWorkflowId(this.#run, shard));
  }

  #changeSlots(shard: number, change: Partial<RunningShard['slots']>): void {
    const running = this.#shards.get(shard);
    if (running) this.#change(shard, { slots: { ...running.slots, ...change } });
  }

  #change(shard: number, change: Partial<RunningShard>): void {
    const running = this.#shards.get(shard);
    if (running) this.#shards.set(shard, { ...running, ...change });
  }

  #controlFor(shard: number): ShardControl {
    const running = this.#shards.get(shard);
    const lease = this.#leaseOf(shard);
    return {
      ...this.#common(),
      ...(lease && { lease }),
      seq: running?.controlSeq ?? 0,
      slots: running?.slots ?? firstSlots(0),
      execution: running?.execution ?? 1,
      parentRunId: workflowInfo().runId,
      isAdopted: running?.isAdopted ?? false,
      trial: running?.trial ?? 0,
      ...(running?.call && { call: running.call }),
      faultsTaken: running?.faultsTaken ?? 0,
    };
  }
}

/** Also increases after a reset to lower numbers, since the workflow's clock is later then. */
function nextSeq(last: number | undefined): number {
  return Math.max((last ?? 0) + 1, Date.now());
}
