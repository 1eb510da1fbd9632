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
  /** It can be told things. */
  readonly isStarted: boolean;
  /** It was started by this workflow before a reset, and is not its child any more. */
  readonly isAdopted: boolean;
  readonly controlSeq: number;
  readonly faultsTaken: number;
  readonly trial: number;
  /** What it was asked for last. */
  readonly call?: RowCall;
  /** Something changed before the shard could be told anything. */
  readonly untold: boolean;
}

/** What all shards are told alike. */
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

/** The shards of a batch that are running, and the batch's talk with them. */
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

  /** Notes a shard that is about to be started, and what its input is to tell it. */
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

  /** Notes that a shard was started with what its input told it, and tells it what it has missed since. */
  started(shard: number, { slots, seq }: ShardControl): void {
    const running = this.#shards.get(shard);
    const controlSeq = Math.max(seq, running?.controlSeq ?? 0);
    this.#change(shard, { slots, controlSeq, isStarted: true, isAdopted: false, untold: false });
    if (running?.untold) this.tell(shard);
  }

  /** Notes that a shard is running which this batch began before it was reset, and tells it who speaks now. */
  adopted(shard: number): void {
    const running = this.#shards.get(shard);
    this.#change(shard, { isStarted: true, isAdopted: true, untold: false });
    if (running?.untold || !running?.isAdopted) this.tell(shard);
  }

  /** Notes that an adopted shard has ended. */
  adoptedEnded(shard: number): void {
    this.#change(shard, { isStarted: false, isAdopted: false });
  }

  /** What the input of a new execution is to tell it that takes an adopted one's place; nothing is told until it has started. */
  controlOfNext(shard: number): ShardControl {
    this.#change(shard, { isStarted: false });
    const seq = nextSeq(this.#shards.get(shard)?.controlSeq);
    const slots = firstSlots(this.windowOf(shard));
    return { ...this.#controlFor(shard), seq, slots, isAdopted: false };
  }

  /** Slots that the next execution of a shard may start with: what its last one gave back may have been dealt to others. */
  windowOf(shard: number): number {
    const running = this.#shards.get(shard);
    return running ? Math.max(1, windowSize(running.slots)) : 1;
  }

  close(shard: number): void {
    this.#shards.delete(shard);
  }

  /** Raises a shard's grant, and tells it. */
  grant(shard: number, granted: number): void {
    this.#changeSlots(shard, { granted });
    this.tell(shard);
  }

  /** Asks slots back, and tells the shard. */
  recall(shard: number, recalled: number): void {
    this.#changeSlots(shard, { recalled });
    this.tell(shard);
  }

  /** Takes slots back; false where the execution that released them has ended. */
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

  /** Lets a shard make one create in spite of the failure rate. */
  allowTrial(shard: number, trial: number): void {
    this.#change(shard, { trial });
    this.tell(shard);
  }

  /** Asks a shard for rows by which a probe can look. */
  callRows(shard: number, call: RowCall): void {
    this.#change(shard, { call });
    this.tell(shard);
  }

  /** Notes that a shard's fault has arrived: the next control answers it. */
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

  /** Hands what a probe did for a row to the row's shard, unless that has ended. Never rejects. */
  async deliver(shard: number, probed: ProbedRow): Promise<void> {
    const running = this.#shards.get(shard);
    if (!running?.isStarted && !running?.isAdopted) return;
    await this.#handleOf(shard)
      .signal(probedRowSignal, probed)
      .catch((error: unknown) => {
        log.warn('A shard ended before the result of a hold check reached it.', { shard, error });
      });
  }

  /** By its id: the handle of a child reaches no child of the time before a reset. */
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

/** Grows also over a reset, which takes the batch back to lower numbers: the workflow's clock is later then. */
function nextSeq(last: number | undefined): number {
  return Math.max((last ?? 0) + 1, Date.now());
}
