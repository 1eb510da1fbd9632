/**
 * The time that jobs take if they start in the given order, each when one of `slots` is free, and nothing else takes
 * time. Without knowing the durations in advance no program can do better than start the next job at once.
 */
export function listSchedule(durations: readonly number[], slots: number): number {
  const freeAt = Array.from({ length: slots }, () => 0);
  for (const duration of durations) {
    let earliest = 0;
    for (const [slot, at] of freeAt.entries()) if (at < (freeAt[earliest] ?? 0)) earliest = slot;
    freeAt[earliest] = (freeAt[earliest] ?? 0) + duration;
  }
  return Math.max(...freeAt);
}
