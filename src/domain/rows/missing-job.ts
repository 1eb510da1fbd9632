/** The 404s of one job in a row, without a 200 in between. */
export interface MissingJob {
  readonly looks: number;
  /** When the first of them came, by Temporal's clock. Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** How many 404s in a row, over how long, it takes before a job may be believed to be gone. */
export interface GoneLimits {
  readonly goneAfterLooks: number;
  readonly goneAfterMs: number;
}

/** The 404s after one more. */
export function missingAgain(before: MissingJob | undefined, nowMs: number): MissingJob {
  return { looks: (before?.looks ?? 0) + 1, sinceMs: before?.sinceMs ?? nowMs };
}

/** Whether a job was missing often and long enough. It is gone only if a witness answers as well: a job of the account that was made no earlier. */
export function isBelievable(missing: MissingJob, nowMs: number, limits: GoneLimits): boolean {
  return missing.looks >= limits.goneAfterLooks && nowMs - missing.sinceMs >= limits.goneAfterMs;
}

/** 404s in a row after which a row waits aside: fewer come from a replica that lags behind. */
export const LOOKS_BEFORE_ASIDE = 3;

const SHORTEST_DELAY_MS = 2_000;

/** The wait before the next look at a missing job: from 2 s up to what spreads the looks over the time that is needed. `random` in [0, 1). */
export function missingDelayMs(looks: number, limits: GoneLimits, random: number): number {
  const longestMs = limits.goneAfterMs / Math.max(1, limits.goneAfterLooks - 1);
  const growingMs = SHORTEST_DELAY_MS * 1.5 ** Math.min(20, looks - LOOKS_BEFORE_ASIDE);
  return Math.min(longestMs, growingMs) * (0.9 + random * 0.2);
}

/** Missing jobs without a witness that hold the account at once. */
export const UNWITNESSED_JOBS = 2;
