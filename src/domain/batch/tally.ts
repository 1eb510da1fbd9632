import { FAILURE_KINDS, type FailureKind } from '../rows/failure-kind.js';
import type { SettledEnd, SettledRow, Charged, RowOutcome } from '../rows/outcome.js';

/**
 * The number of rows of a shard or batch in each state. Always
 * `total = pending + inFlight + copying + stored + failed + rejected + cancelled`.
 */
export interface Tally {
  readonly total: number;
  /** Not started, or waiting for another generation. */
  readonly pending: number;
  /** With an unfinished job, or a running create. */
  readonly inFlight: number;
  /** Finished, not yet stored. */
  readonly copying: number;
  readonly stored: number;
  readonly failed: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly failuresByKind: Readonly<Partial<Record<FailureKind, number>>>;
  /** Ended generations of all rows so far. */
  readonly generations: number;
}

export const EMPTY_TALLY: Tally = {
  total: 0,
  pending: 0,
  inFlight: 0,
  copying: 0,
  stored: 0,
  failed: 0,
  rejected: 0,
  cancelled: 0,
  failuresByKind: {},
  generations: 0,
};

/** The tally of rows that have not started. */
export function tallyOfPending(rows: number): Tally {
  return { ...EMPTY_TALLY, total: rows, pending: rows };
}

/** The sum of the tallies of two disjoint sets of rows. */
export function addTallies(a: Tally, b: Tally): Tally {
  const failuresByKind: Partial<Record<FailureKind, number>> = {};
  for (const kind of FAILURE_KINDS) {
    const count = (a.failuresByKind[kind] ?? 0) + (b.failuresByKind[kind] ?? 0);
    if (count > 0) failuresByKind[kind] = count;
  }
  return {
    total: a.total + b.total,
    pending: a.pending + b.pending,
    inFlight: a.inFlight + b.inFlight,
    copying: a.copying + b.copying,
    stored: a.stored + b.stored,
    failed: a.failed + b.failed,
    rejected: a.rejected + b.rejected,
    cancelled: a.cancelled + b.cancelled,
    failuresByKind,
    generations: a.generations + b.generations,
  };
}

const COUNTED_AS = {
  stored: 'stored',
  kept: 'stored',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<SettledEnd['kind'], keyof Tally>;

/** The tally of ended rows; one that keeps its earlier image is stored. */
export function tallyOfSettled(rows: Iterable<Pick<SettledRow, 'end' | 'generations'>>): Tally {
  const counts = { stored: 0, failed: 0, cancelled: 0 };
  const failuresByKind: Partial<Record<FailureKind, number>> = {};
  let total = 0;
  let generations = 0;
  for (const { end, generations: made } of rows) {
    total += 1;
    generations += made.length;
    counts[COUNTED_AS[end.kind]] += 1;
    if (end.kind === 'failed') failuresByKind[end.failure] = (failuresByKind[end.failure] ?? 0) + 1;
  }
  return { ...EMPTY_TALLY, ...counts, total, failuresByKind, generations };
}

/** Whether two tallies agree on the outcomes of rows, ignoring generations. */
export function sameEnds(a: Tally, b: Tally): boolean {
  const counts = ['total', 'stored', 'failed', 'rejected', 'cancelled'] as const;
  return (
    counts.every((count) => a[count] === b[count]) &&
    FAILURE_KINDS.every((kind) => (a.failuresByKind[kind] ?? 0) === (b.failuresByKind[kind] ?? 0))
  );
}

/** Whether the states add up to the total. */
export function addsUp(tally: Tally): boolean {
  const { total, pending, inFlight, copying, stored, failed, rejected, cancelled } = tally;
  return total === pending + inFlight + copying + stored + failed + rejected + cancelled;
}

/** Counts a batch's outcomes as its report shows them: rows by outcome, generations by whether they were charged. */
export class SealedCounts {
  readonly charged: Record<Charged, number> = { yes: 0, no: 0, unknown: 0 };
  #tally: Tally;

  /** `rejected` rows have no outcome but count as rows. */
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
