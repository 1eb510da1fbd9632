import { log, type ChildWorkflowHandle } from '@temporalio/workflow';
import type { OpenShard } from '../domain/window.js';
import {
  controlSignal,
  probedRowSignal,
  type ProbedRow,
  type ShardControl,
  type ShardFault,
  type SlotRelease,
} from './messages.js';
import type { runShard } from './run-shard.js';

/** A shard at work, as its batch knows it. */
export interface RunningShard extends OpenShard {
  readonly rows: number;
  readonly execution: number;
  readonly handle: ChildWorkflowHandle<typeof runShard> | undefined;
  readonly controlSeq: number;
  readonly faultsTaken: number;
  /** Something changed before the shard could be told anything. */
  readonly untold: boolean;
}

/** What all shards are told alike. */
export type CommonControl = Pick<ShardControl, 'paused' | 'cancelling' | 'heldScopes' | 'holdSeq'>;

/** The shards of a batch that are at work, and the batch's talk with them. */
export class OpenShards {
  readonly #shards = new Map<number, RunningShard>();
  readonly #common: () => CommonControl;

  constructor(common: () => CommonControl) {
    this.#common = common;
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
    const slots = { granted, released: 0 };
    const unheard = { handle: undefined, controlSeq: 0, faultsTaken: 0, untold: false };
    this.#shards.set(shard, { shard, rows, execution, slots, exhausted: false, ...unheard });
    return this.#controlFor(shard);
  }

  /** Notes that a shard can be told things from now, and tells it what it has missed. */
  started(shard: number, handle: ChildWorkflowHandle<typeof runShard>): void {
    const untold = this.#shards.get(shard)?.untold ?? false;
    this.#change(shard, { handle, untold: false });
    if (untold) this.tell(shard);
  }

  close(shard: number): void {
    this.#shards.delete(shard);
  }

  /** Raises a shard's grant, and tells it. */
  grant(shard: number, granted: number): void {
    const running = this.#shards.get(shard);
    if (!running) return;
    this.#change(shard, { slots: { ...running.slots, granted } });
    this.tell(shard);
  }

  /** Takes slots back; false where the execution that released them has ended. */
  takeRelease({ shard, execution, released }: SlotRelease): boolean {
    const running = this.#shards.get(shard);
    if (running?.execution !== execution) return false;
    const slots = { ...running.slots, released: Math.max(released, running.slots.released) };
    this.#change(shard, { slots, exhausted: true });
    return true;
  }

  /** Notes that a shard's fault has arrived: the next control answers it. */
  takeFault({ shard, execution, count }: ShardFault): void {
    const running = this.#shards.get(shard);
    if (running?.execution !== execution) return;
    this.#change(shard, { faultsTaken: Math.max(count, running.faultsTaken) });
  }

  tellAll(): void {
    for (const shard of this.#shards.keys()) this.tell(shard);
  }

  tell(shard: number): void {
    const running = this.#shards.get(shard);
    if (!running) return;
    if (!running.handle) {
      this.#change(shard, { untold: true });
      return;
    }
    this.#change(shard, { controlSeq: running.controlSeq + 1 });
    running.handle.signal(controlSignal, this.#controlFor(shard)).catch((error: unknown) => {
      log.info('A shard ended before it could be told something.', { shard, error });
    });
  }

  /** Hands what a probe did for a row to the row's shard, unless that has ended. Never rejects. */
  async deliver(shard: number, probed: ProbedRow): Promise<void> {
    const signalled = this.#shards.get(shard)?.handle?.signal(probedRowSignal, probed);
    await signalled?.catch((error: unknown) => {
      log.warn('A shard ended before it could be told what a probe did for its row.', { shard, error });
    });
  }

  #change(shard: number, change: Partial<RunningShard>): void {
    const running = this.#shards.get(shard);
    if (running) this.#shards.set(shard, { ...running, ...change });
  }

  #controlFor(shard: number): ShardControl {
    const running = this.#shards.get(shard);
    return {
      ...this.#common(),
      seq: running?.controlSeq ?? 0,
      granted: running?.slots.granted ?? 0,
      faultsTaken: running?.faultsTaken ?? 0,
    };
  }
}
