/** Jobs of which it is known how long they took, before anything is called usual. */
const LEAST_SAMPLES = 20;

/** The time within which 19 of 20 of these jobs ended (their 95th percentile); undefined for fewer than 20 jobs. */
export function usualMs(durationsMs: readonly number[]): number | undefined {
  if (durationsMs.length < LEAST_SAMPLES) return undefined;
  return durationsMs.toSorted((a, b) => a - b)[Math.ceil(durationsMs.length * 0.95) - 1];
}

/** Jobs take 8 to 25 s as a rule; queues make some take minutes. */
const SHORTEST_OVERDUE_SECONDS = 60;
const OVERDUE_UNKNOWN_SECONDS = 300;

/** Whether a row has been at one step for so long that a person should look: twice the usual, 1 min at least; 5 min where nothing is usual yet. */
export function isOverdue(ageSeconds: number, usualSeconds: number | undefined): boolean {
  const limit =
    usualSeconds === undefined
      ? OVERDUE_UNKNOWN_SECONDS
      : Math.max(SHORTEST_OVERDUE_SECONDS, 2 * usualSeconds);
  return ageSeconds > limit;
}
