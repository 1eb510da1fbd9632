/** A range in seconds. */
export type SecondsRange = readonly [low: number, high: number];

/** How long a job usually occupies its slot, in seconds; queues can make it many minutes. Source: the API contract, "Jobs". */
export const DOCUMENTED_JOB_SECONDS: SecondsRange = [8, 25];

/** Fewer rows measure starting and ending rather than jobs. */
const LEAST_ROWS = 20;
/** By which factors future times may differ from measured ones. */
const SPREAD: SecondsRange = [0.8, 1.5];

/** A measured time as a range, since jobs and holds vary. */
export function spread(seconds: number): SecondsRange {
  return [seconds * SPREAD[0], seconds * SPREAD[1]];
}

/**
 * How long a row of a finished run occupied its slot on average, including failed generations, waits and copying.
 * Undefined for a run of fewer than 20 rows.
 */
export function measuredJobSeconds(run: {
  readonly rows: number;
  readonly concurrency: number;
  readonly seconds: number;
}): SecondsRange | undefined {
  const { rows, concurrency, seconds } = run;
  if (rows < LEAST_ROWS || concurrency < 1 || seconds <= 0) return undefined;
  return spread((seconds * Math.min(rows, concurrency)) / rows);
}

/** How long this many images take with this concurrency, in whole seconds; zero for no images. */
export function expectedSeconds(images: number, concurrency: number, job: SecondsRange): SecondsRange {
  if (images === 0) return [0, 0];
  const turns = Math.max(1, images / concurrency);
  return [Math.floor(turns * job[0]), Math.ceil(Math.ceil(turns) * job[1])];
}
