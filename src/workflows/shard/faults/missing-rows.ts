import type { JobId } from '../../../domain/rows/ids.js';
import { UNWITNESSED_JOBS } from '../../../domain/rows/missing-job.js';
import { witnessRows } from './other-rows.js';
import type { ShardHolds } from '../messages/shard-holds.js';
import type { ShardLedger } from '../row-states.js';

/** The missing jobs of a shard, and the witness jobs that show whether the service still knows others. */
export class MissingRows {
  readonly #shard: number;
  readonly #ledger: ShardLedger;
  readonly #holds: ShardHolds;
  readonly #unwitnessed = new Set<number>();

  constructor(shard: number, ledger: ShardLedger, holds: ShardHolds) {
    this.#shard = shard;
    this.#ledger = ledger;
    this.#holds = holds;
  }

  /** Jobs made no earlier than the row's, as far as the shard knows. */
  witnessesFor(row: number): readonly JobId[] {
    const byMs = this.#ledger.rows[row]?.jobByMs ?? Infinity;
    const own = witnessRows({ shard: this.#shard, rows: this.#ledger.rows }, byMs, row);
    const { witness } = this.#holds;
    const others = witness && witness.madeMs >= byMs ? [witness.jobId] : [];
    return [...others, ...own.flatMap(({ jobId }) => jobId ?? [])];
  }

  /** Records that there is no witness for a row's missing job; true if the account must be held. */
  noteUnwitnessed(row: number, isBelievable: boolean): boolean {
    this.#unwitnessed.add(row);
    const alone = [...this.#unwitnessed].filter((one) => one === row || !this.#isWitnessed(one));
    return isBelievable || alone.length >= UNWITNESSED_JOBS;
  }

  forget(row: number): void {
    this.#unwitnessed.delete(row);
  }

  #isWitnessed(row: number): boolean {
    const { witness } = this.#holds;
    return witness !== undefined && witness.madeMs >= (this.#ledger.rows[row]?.jobByMs ?? Infinity);
  }
}
