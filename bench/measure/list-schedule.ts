/**
 * The time that jobs take if they start in the given order, each when one of `slots` is free, and nothing else takes
 * time. Without knowing the durations in advance no program can do better than start the next job at once.
 */
export function listSchedule(durations: Iterable<number>, slots: number): number {
  // A heap: no slot is free before the one at half its place.
  const freeAt = new Float64Array(slots + 1);
  let lastMs = 0;
  for (const duration of durations) {
    const end = (freeAt[1] ?? 0) + duration;
    lastMs = Math.max(lastMs, end);
    let at = 1;
    for (let below = 2; below <= slots; below = 2 * at) {
      if (below < slots && (freeAt[below + 1] ?? 0) < (freeAt[below] ?? 0)) below += 1;
      const earliest = freeAt[below] ?? 0;
      if (end <= earliest) break;
      freeAt[at] = earliest;
      at = below;
    }
    freeAt[at] = end;
  }
  return lastMs;
}
