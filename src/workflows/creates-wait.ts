import { sleep } from '@temporalio/workflow';
import type { ShardHolds } from './shard/shard-control.js';

/** Rows of all shards do not start at the same moment again. */
const LONGEST_SPREAD_MS = 2_000;

/** Whether a shard is to start no row because the service has asked the batch to wait. */
export class CreatesWait {
  readonly #holds: ShardHolds;
  #untilMs = 0;

  constructor(holds: ShardHolds) {
    this.#holds = holds;
  }

  get isOn(): boolean {
    return this.#untilMs > 0;
  }

  /** To be called after each word of the parent: what waits continues by itself when the time has come. */
  follow(): void {
    const { createsNotBeforeMs } = this.#holds;
    if (createsNotBeforeMs <= this.#untilMs || createsNotBeforeMs <= Date.now()) return;
    const isUnderWay = this.isOn;
    this.#untilMs = createsNotBeforeMs;
    if (!isUnderWay) this.#end().catch(() => undefined);
  }

  async #end(): Promise<void> {
    for (let leftMs = this.#leftMs; leftMs > 0; leftMs = this.#leftMs) {
      await sleep(leftMs + Math.random() * Math.min(LONGEST_SPREAD_MS, leftMs / 4));
    }
    this.#untilMs = 0;
  }

  get #leftMs(): number {
    return this.#untilMs - Date.now();
  }
}
