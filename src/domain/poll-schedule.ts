const FIRST_POLL_MS = 5_000;
const BASE_INTERVAL_MS = 2_000;
const LONGEST_INTERVAL_MS = 15_000;
/** The base interval lasts this long past the expected end; then it eases. */
const EASE_AFTER_MS = 60_000;

/**
 * How long to wait before the next poll of a job, in milliseconds: the first one when such jobs are usually done,
 * then every 2 s (the documented interval), easing to 15 s for jobs that take minutes.
 * `random` in [0, 1) spreads the polls by a tenth, so that a fleet does not beat in step.
 */
export function nextPollDelayMs(input: {
  /** Since the job was created. */
  readonly ageMs: number;
  readonly polls: number;
  /** How long such jobs usually work; 5 s where it is not known. */
  readonly usualMs: number | undefined;
  readonly random: number;
}): number {
  const { ageMs, polls, usualMs, random } = input;
  const spread = 1 + random * 0.1;
  const expectedMs = usualMs ?? FIRST_POLL_MS;
  if (polls === 0) return Math.max(200, expectedMs * spread - ageMs);
  const overdueMs = Math.max(0, ageMs - expectedMs - EASE_AFTER_MS);
  return Math.min(LONGEST_INTERVAL_MS, BASE_INTERVAL_MS + overdueMs / 20) * spread;
}
