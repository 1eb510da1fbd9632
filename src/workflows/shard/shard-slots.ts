import { rowsToStart, slotsToGiveBack, slotsToRelease } from '../../domain/batch/window.js';
import type { ShardControl } from '../protocol/shard-messages.js';
import type { ParentBatch } from './parent-signals.js';
import type { ShardHolds } from './shard-control.js';
import type { ShardLedger } from './row-states.js';

/** The slots of a shard: how many rows may start, and which slots return to the batch. */
export class ShardSlots {
  readonly #holds: ShardHolds;
  readonly #ledger: ShardLedger;
  readonly #parent: ParentBatch;
  #releasesDone = 0;

  constructor(holds: ShardHolds, ledger: ShardLedger, parent: ParentBatch) {
    this.#holds = holds;
    this.#ledger = ledger;
    this.#parent = parent;
  }

  /** Rows that may start now. */
  get free(): number {
    const { inFlight, copying } = this.#ledger.counts;
    return rowsToStart({ window: this.#holds.window, inFlight, copying });
  }

  get mayGiveBack(): boolean {
    return this.#early > 0 || this.#recalled > 0;
  }

  /** Returns unused slots and recalled ones. */
  giveBack(): void {
    const early = this.#early;
    if (early > 0) {
      this.#releasesDone += 1;
      this.#holds.release(early);
    }
    const recalled = this.#recalled;
    if (recalled > 0) this.#holds.giveBack(recalled);
    if (early + recalled > 0) this.#parent.tellSlots(early > 0);
  }

  /** Takes a control, and reports it if recalled slots had already been returned. */
  take(control: ShardControl): void {
    const { recallAnswered } = this.#holds.given;
    this.#holds.take(control);
    if (this.#holds.given.recallAnswered > recallAnswered) this.#parent.tellSlots(false);
  }

  /** Returned once the last row has started. */
  get #early(): number {
    if (this.#ledger.queued > 0) return 0;
    const { inFlight, away } = this.#ledger.counts;
    const { window } = this.#holds;
    return slotsToRelease({ window, inFlight, waiting: away, releasesDone: this.#releasesDone });
  }

  get #recalled(): number {
    const { owed, window } = this.#holds;
    return slotsToGiveBack({ window, owed, inFlight: this.#ledger.counts.inFlight });
  }
}
