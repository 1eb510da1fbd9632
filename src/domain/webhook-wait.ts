const LONGEST_PATIENCE_MS = 30_000;
/** While nothing is known of how long jobs take: past the 25 s that typical ones do. */
const LEAST_PATIENCE_MS = 20_000;
const BETWEEN_POLLS_MS = 15_000;

/**
 * How long to wait before the next poll of a job whose end a webhook is expected to tell, in milliseconds: polls are
 * for those that never come, so the first is well past the time at which it would be made otherwise, and the others are
 * as slow as polls ever are.
 */
export function fallbackPollDelayMs(input: {
  /** The wait without a webhook. */
  readonly usualDelayMs: number;
  /** Since the job was created. */
  readonly ageMs: number;
  readonly polls: number;
}): number {
  const { usualDelayMs, ageMs, polls } = input;
  if (polls > 0) return Math.max(usualDelayMs, BETWEEN_POLLS_MS);
  const patienceMs = Math.min(LONGEST_PATIENCE_MS, (ageMs + usualDelayMs) / 2);
  return usualDelayMs + LEAST_PATIENCE_MS + patienceMs;
}
