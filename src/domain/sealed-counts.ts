import type { Charged, RowOutcome } from './rows/outcome.js';
import { addTallies, EMPTY_TALLY, tallyOfSettled, type Tally } from './batch/tally.js';

/** Counts a batch's outcomes as its report tells them: rows by their ends, generations by whether they were charged. */
export class SealedCounts {
  readonly charged: Record<Charged, number> = { yes: 0, no: 0, unknown: 0 };
  #tally: Tally;

  /** `rejected` rows have no outcome; they count as rows all the same. */
  constructor(rejected: number) {
    this.#tally = { ...EMPTY_TALLY, total: rejected, rejected };
  }

  get tally(): Tally {
    return this.#tally;
  }

  add(outcome: RowOutcome): void {
    this.#tally = addTallies(this.#tally, tallyOfSettled([outcome]));
    for (const { charged } of outcome.generations) this.charged[charged] += 1;
  }
}
