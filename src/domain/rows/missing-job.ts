/** Consecutive 404s of one job. */
export interface MissingJob {
  readonly looks: number;
  /** When the first of them came, by Temporal's clock. Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** How many consecutive 404s over how long are needed before a job may be believed to be gone. */
export interface GoneLimits {
  readonly goneAfterLooks: number;
  readonly goneAfterMs: number;
}

/** The count after one more 404. */
export function missingAgain(before: MissingJob | undefined, nowMs: number): MissingJob {
  return { looks: (before?.looks ?? 0) + 1, sinceMs: before?.sinceMs ?? nowMs };
}

/** Whether a job was missing often and long enough. It is gone only if also a witness answers: a job of the account made no earlier. */
export function isBelievable(missing: MissingJob, nowMs: number, limits: GoneLimits): boolean {
  return missing.looks >= limits.goneAfterLooks && nowMs - missing.sinceMs >= limits.goneAfterMs;
}

/** Consecutive 404s after which a row waits aside: fewer may come from a lagging replica. */
export const LOOKS_BEFORE_ASIDE = 3;

const SHORTEST_DELAY_MS = 2_000;

/** The wait before the next check of a missing job: from 2 s up to an interval that spreads the checks over the required time. `random` in [0, 1). */
export function missingDelayMs(looks: number, limits: GoneLimits, random: number): number {
  const longestMs = limits.goneAfterMs / Math.max(1, limits.goneAfterLooks - 1);
  const growingMs = SHORTEST_DELAY_MS * 1.5 ** Math.min(20, looks - LOOKS_BEFORE_ASIDE);
  return Math.min(longestMs, growingMs) * (0.9 + random * 0.2);
}

/** Number of missing jobs without a witness at which the account is held. */
export const UNWITNESSED_JOBS = 2;
