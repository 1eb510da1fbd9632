/** A range in seconds. */
export type SecondsRange = readonly [low: number, high: number];

/** How long a job holds its slot as a rule, in seconds; queues make some take many minutes. Source: the API contract, "Jobs". */
export const DOCUMENTED_JOB_SECONDS: SecondsRange = [8, 25];

/** Fewer rows say more about starting and ending than about jobs. */
const LEAST_ROWS = 20;
/** How far what comes may be off from what was measured. */
const SPREAD: SecondsRange = [0.8, 1.5];

/** A measured time as a range: jobs and holds vary. */
export function spread(seconds: number): SecondsRange {
  return [seconds * SPREAD[0], seconds * SPREAD[1]];
}

/**
 * How long a row of a finished run held its slot, by the whole run: what failed and was made again, was waited for and
 * copied is in it. Undefined for a run of fewer than 20 rows.
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

/** How long this many images take with this many jobs at a time, in whole seconds; zero for none. */
export function expectedSeconds(images: number, concurrency: number, job: SecondsRange): SecondsRange {
  if (images === 0) return [0, 0];
  const turns = Math.max(1, images / concurrency);
  return [Math.floor(turns * job[0]), Math.ceil(Math.ceil(turns) * job[1])];
}
