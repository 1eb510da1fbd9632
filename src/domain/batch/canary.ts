/** The first rows of a run, which a person reviews before the others are made. */
export interface CanaryOptions {
  /** How many. */
  readonly rows: number;
  /** The batch continues by itself after this time, unless a canary row has failed; absent: it waits for a person. */
  readonly waitMs?: number;
}

/** The same for a run of this many rows. */
export interface Canary extends CanaryOptions {
  /** Planned rows of the run; more than `rows`. */
  readonly of: number;
}

/** Maximum number of canary rows: enough for a review, and few enough for one shard without a hold for failures. */
export const MAX_CANARY_ROWS = 100;

/** The canary of a run with this many planned rows; undefined if none is requested, or if no row would be left. */
export function canaryOf(options: CanaryOptions | undefined, rowsToRun: number): Canary | undefined {
  return options && options.rows < rowsToRun ? { ...options, of: rowsToRun } : undefined;
}

/** Fraction of the golden ratio: its multiples spread evenly over 0…1 without a short cycle. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * The canary rows of a run, as 0-based indexes: one in each of `rows` equal regions, starting with the first row. The
 * position within a region varies, so that a sheet that repeats itself every few rows does not give only similar
 * canaries. Deterministic.
 */
export function canaryIndexes({ rows, of }: Pick<Canary, 'rows' | 'of'>): readonly number[] {
  const count = Math.min(rows, of);
  return Array.from({ length: count }, (_, region) => {
    const first = Math.floor((region * of) / count);
    const length = Math.floor(((region + 1) * of) / count) - first;
    return first + Math.floor(((region * GOLDEN) % 1) * length);
  });
}
