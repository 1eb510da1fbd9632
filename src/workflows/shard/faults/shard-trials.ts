import type { ParentBatch } from '../parent-signals.js';
import type { ShardHolds } from '../shard-control.js';
import type { ShardLedger } from '../row-states.js';

/** The trials that a batch asks a shard for while it is held for its failure rate: one row at a time continues in spite of it. */
export class ShardTrials {
  readonly #holds: ShardHolds;
  readonly #ledger: ShardLedger;
  readonly #parent: ParentBatch;
  readonly #start: () => { readonly row: number; readonly ended: Promise<void> } | undefined;
  #made: number;
  #row: number | undefined;

  constructor(options: {
    readonly holds: ShardHolds;
    readonly ledger: ShardLedger;
    readonly parent: ParentBatch;
    /** Starts a row in spite of the failure rate; undefined where none may start. */
    readonly start: () => { readonly row: number; readonly ended: Promise<void> } | undefined;
    /** The number of the last one that was made. */
    readonly made: number;
  }) {
    this.#holds = options.holds;
    this.#ledger = options.ledger;
    this.#parent = options.parent;
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

  /** Makes the trial that the batch has asked for last, once, and tells how it ended. */
  follow(): void {
    const { trial } = this.#holds;
    if (trial <= this.#made) return;
    this.#made = trial;
    const started = this.#start();
    if (!started) {
      this.#parent.tellTrial(trial, 'none');
      return;
    }
    const { row, ended } = started;
    this.#row = row;
    const { generation } = this.#ledger.generationOf(row);
    const tell = (): void => {
      this.#row = undefined;
      this.#parent.tellTrial(trial, this.#ledger.verdictOn(row, generation));
    };
    ended.then(tell, () => undefined);
  }
}
