import { rowsToStart, slotsToGiveBack, slotsToRelease } from '../../domain/batch/window.js';
import type { ShardReports } from './messages/shard-reports.js';
import type { ShardHolds } from './messages/shard-holds.js';
import type { ShardLedger } from './row-states.js';

/** The slots of a shard: how many rows may start, and which slots return to the batch. */
export class ShardSlots {
  readonly #holds: ShardHolds;
  readonly #ledger: ShardLedger;
  readonly #reports: ShardReports;
  #releasesDone = 0;

  constructor(holds: ShardHolds, ledger: ShardLedger, reports: ShardReports) {
    this.#holds = holds;
    this.#ledger = ledger;
    this.#reports = reports;
  }

  /** Rows that may start now. */
  get free(): number {
    const { inFlight, copying } = this.#ledger.counts;
    return rowsToStart({ window: this.#holds.window, inFlight, copying });
  }

  get mayGiveBack(): boolean {
    return this.#early > 0 || this.#owed > 0;
  }

  /** Returns slots that are not needed any more, and those that the batch wants back. */
  giveBack(): void {
    const early = this.#early;
    if (early > 0) this.#releasesDone += 1;
    const slots = early + this.#owed;
    if (slots === 0) return;
    this.#holds.giveBack(slots);
    this.#reports.reportSlots(early > 0);
  }

  /** Returned once the last row has started. */
  get #early(): number {
    if (this.#ledger.queued > 0) return 0;
    const { inFlight, away } = this.#ledger.counts;
    const { window } = this.#holds;
    return slotsToRelease({ window, inFlight, waiting: away.size, releasesDone: this.#releasesDone });
  }

  get #owed(): number {
    const { owed, window } = this.#holds;
    return slotsToGiveBack({ window, owed, inFlight: this.#ledger.counts.inFlight });
  }
}
