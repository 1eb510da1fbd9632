import type { ShardReports } from '../messages/shard-reports.js';
import type { ShardHolds } from '../messages/shard-holds.js';
import type { ShardLedger } from '../row-states.js';

/** The trials that a batch requests from a shard while it is held for its failure rate: one row at a time continues despite it. */
export class ShardTrials {
  readonly #holds: ShardHolds;
  readonly #ledger: ShardLedger;
  readonly #reports: ShardReports;
  readonly #start: () => { readonly row: number; readonly ended: Promise<void> } | undefined;
  #made: number;
  #row: number | undefined;

  constructor(options: {
    readonly holds: ShardHolds;
    readonly ledger: ShardLedger;
    readonly reports: ShardReports;
    /** Starts a row despite the failure rate; undefined if none may start. */
    readonly start: () => { readonly row: number; readonly ended: Promise<void> } | undefined;
    /** The number of the last trial that was made. */
    readonly made: number;
  }) {
    this.#holds = options.holds;
    this.#ledger = options.ledger;
    this.#reports = options.reports;
    this.#start = options.start;
    this.#made = options.made;
  }

  /** The number of the last trial. */
  get made(): number {
    return this.#made;
  }

  isOn(row: number): boolean {
    return row === this.#row;
  }

  /** Makes the last requested trial once, and reports how it ended. */
  follow(): void {
    const { trial } = this.#holds;
    if (trial <= this.#made) return;
    this.#made = trial;
    const started = this.#start();
    if (!started) {
      this.#reports.reportTrial(trial, 'none');
      return;
    }
    const { row, ended } = started;
    this.#row = row;
    const { generation } = this.#ledger.generationOf(row);
    const report = (): void => {
      this.#row = undefined;
      this.#reports.reportTrial(trial, this.#ledger.verdictOn(row, generation));
    };
    ended.then(report, () => undefined);
  }
}
