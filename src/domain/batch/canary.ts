/** The first rows of a run that are made for a person to look at before the others are. */
export interface CanaryOptions {
  /** How many. */
  readonly rows: number;
  /** The batch continues by itself after so long, unless one of them has failed; absent: it waits for a person. */
  readonly waitMs?: number;
}

/** The same for a run of this many rows. */
export interface Canary extends CanaryOptions {
  /** The rows that the run was to make, by its plan: more than there are canaries. */
  readonly of: number;
}

/** Most canaries: more than a person looks at, and few enough to be worked through by one shard without a hold for failures. */
export const MAX_CANARY_ROWS = 100;

/** The canary of a run that is to make this many rows; undefined where none is asked for, or would leave no row to wait. */
export function canaryOf(asked: CanaryOptions | undefined, rowsToRun: number): Canary | undefined {
  return asked && asked.rows < rowsToRun ? { ...asked, of: rowsToRun } : undefined;
}

/** The golden ratio's fraction: its multiples lie evenly in 0…1 and come near no short cycle. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Which of a run's rows are its canaries, by their order from 0: one out of each of as many equal regions, the first row
 * among them. Where in its region a canary lies changes from region to region, so that in a sheet that repeats itself
 * every few rows they are not all the same. The same input always gives the same rows.
 */
export function canaryIndexes({ rows, of }: Pick<Canary, 'rows' | 'of'>): readonly number[] {
  const count = Math.min(rows, of);
  return Array.from({ length: count }, (_, region) => {
    const first = Math.floor((region * of) / count);
    const length = Math.floor(((region + 1) * of) / count) - first;
    return first + Math.floor(((region * GOLDEN) % 1) * length);
  });
}
