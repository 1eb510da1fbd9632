import { sleep, CancellationScope } from '@temporalio/workflow';
import { scopesOfCreate, type ModelMode } from '../../domain/batch/holds.js';
import type { MayCreate } from './row-queues.js';
import type { ShardBudget } from './shard-budget.js';
import type { ShardHolds } from './messages/shard-holds.js';

/** Which rows of a shard may start, and which creates may continue. */
export class RowPermits {
  readonly #holds: ShardHolds;
  readonly #createsWait: CreatesWait;
  readonly #budget: ShardBudget;
  readonly #isCancelling: () => boolean;

  constructor(holds: ShardHolds, budget: ShardBudget, isCancelling: () => boolean) {
    this.#holds = holds;
    this.#createsWait = new CreatesWait(holds);
    this.#budget = budget;
    this.#isCancelling = isCancelling;
  }

  /** Takes the parent's last control. */
  follow(): void {
    this.#createsWait.follow();
  }

  /** Whether jobs may be made for rows of a mode, apart from money; for a trial, despite the failure rate. */
  readonly mayCreate = (mode: ModelMode, isTrial = false): boolean => {
    if (this.#isCancelling() || this.#holds.paused) return false;
    return !this.#holds.isHeld(scopesOfCreate(mode).filter((scope) => !isTrial || scope !== 'failure-rate'));
  };

  /** Whether a row may start. Running creates are left to wait where they are. */
  readonly mayStart: MayCreate = (mode, row) =>
    !this.#createsWait.isOn && this.mayCreate(mode) && this.#budget.covers(row);

  /** Whether a row may start as a trial. */
  readonly mayTry: MayCreate = (mode, row) => this.mayCreate(mode, true) && this.#budget.covers(row);
}

/** Spreads the starts of rows of all shards after a wait. */
const LONGEST_SPREAD_MS = 2_000;

/** Whether a shard must start no row because the service has asked the batch to wait. */
class CreatesWait {
  readonly #holds: ShardHolds;
  #untilMs = 0;

  constructor(holds: ShardHolds) {
    this.#holds = holds;
  }

  get isOn(): boolean {
    return this.#untilMs > 0;
  }

  /** Call after each message of the parent; waiting rows continue by themselves at the end of the wait. */
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

/** Running creates by row: those not yet sent can be taken back. */
export class RunningCreates {
  readonly #scopes = new Map<number, CancellationScope>();

  async run<T>(row: number, create: () => Promise<T>): Promise<T> {
    const scope = new CancellationScope();
    this.#scopes.set(row, scope);
    try {
      return await scope.run(create);
    } finally {
      this.#scopes.delete(row);
    }
  }

  /** Takes back creates that are queued or wait for a retry; one that is being sent continues. */
  takeBackUnless(mayGoOn: (row: number) => boolean): void {
    for (const [row, scope] of this.#scopes) if (!mayGoOn(row)) scope.cancel();
  }
}
