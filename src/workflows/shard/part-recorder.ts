import { condition, upsertMemo } from '@temporalio/workflow';
import type { SettledRow } from '../../domain/rows/outcome.js';
import { SNAPSHOT_MEMO } from '../protocol/batch-messages.js';
import type { ShardLedger } from './row-states.js';

const ROWS_PER_RECORD = 100;
const LONGEST_UNRECORDED = '60 seconds';

/** Records the rows of a shard as they settle: every 100 of them, or after a minute. */
export class PartRecorder {
  readonly #ledger: ShardLedger;
  readonly #record: (part: number, settled: readonly SettledRow[]) => Promise<void>;
  #nextPart: number;

  constructor(
    ledger: ShardLedger,
    nextPart: number,
    record: (part: number, settled: readonly SettledRow[]) => Promise<void>,
  ) {
    this.#ledger = ledger;
    this.#nextPart = nextPart;
    this.#record = record;
  }

  /** Returns once `isOver` holds and every outcome is recorded. */
  async recordUntil(isOver: () => boolean): Promise<void> {
    const ledger = this.#ledger;
    for (;;) {
      await condition(() => ledger.unrecorded > 0 || isOver());
      if (ledger.unrecorded === 0) return;
      await condition(() => ledger.unrecorded >= ROWS_PER_RECORD || isOver(), LONGEST_UNRECORDED);
      await this.#record(this.#nextPart++, ledger.takeUnrecorded());
      upsertMemo({ [SNAPSHOT_MEMO]: { ...ledger.tally(), asOf: new Date().toISOString() } });
    }
  }
}
