import { scopesOfCreate, type ModelMode } from '../../domain/batch/holds.js';
import { CreatesWait } from '../creates-wait.js';
import type { MayCreate } from './row-queues.js';
import type { ShardBudget } from './shard-budget.js';
import type { ShardHolds } from './shard-control.js';

/** Which rows of a shard may be started, and whose creates may continue. */
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

  /** Takes in what the parent has said last. */
  follow(): void {
    this.#createsWait.follow();
  }

  /** Whether jobs may be made for rows of a mode, money apart; of a trial, in spite of the failure rate. */
  readonly mayCreate = (mode: ModelMode, isTrial = false): boolean => {
    if (this.#isCancelling() || this.#holds.paused) return false;
    return !this.#holds.isHeld(scopesOfCreate(mode).filter((scope) => !isTrial || scope !== 'failure-rate'));
  };

  /** Whether a row may be started. Creates that are under way are left to wait where they are. */
  readonly mayStart: MayCreate = (mode, row) =>
    !this.#createsWait.isOn && this.mayCreate(mode) && this.#budget.covers(row);

  /** Whether a row may be started as a trial. */
  readonly mayTry: MayCreate = (mode, row) => this.mayCreate(mode, true) && this.#budget.covers(row);
}
