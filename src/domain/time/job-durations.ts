/** What was seen of how long jobs of one kind take. Milliseconds since their creates were answered. */
export interface SeenDurations {
  /** Of jobs that have ended. */
  readonly tookMs: readonly number[];
  /** When jobs that are still running were last seen unfinished. */
  readonly unfinishedMs: readonly number[];
}

/** The chance of an end within a stretch of time, in which every moment is equally likely. */
export interface LikelyEnd {
  readonly fromMs: number;
  readonly toMs: number;
  readonly chance: number;
}

/** Ends are known no better than this, to both sides: the service reports them in whole seconds. Quicker jobs by their own time. */
const AROUND_MS = 500;
/** Of what lasts longer than all that is known, the share that has not ended at a multiple of that time, less and less. */
const LATER = [1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32].map((times) => ({ times, left: times ** -2 }));

/**
 * When the next job may end. Each known end stands for the time around it, half-way to the ones before and after, and
 * a running job for all later ends alike, so that the quick ones of jobs that began together do not make all seem
 * quick. One more job, or as many as run longer than any that has ended, takes on average twice the longest time
 * known. The chances add up to a little less than 1.
 */
export function likelyEnds({ tookMs, unfinishedMs }: SeenDurations): readonly LikelyEnd[] {
  const took = tookMs.toSorted((a, b) => a - b);
  const running = unfinishedMs.toSorted((a, b) => a - b);
  const ends: LikelyEnd[] = [];
  let left = took.length + running.length + 1;
  let chance = 1 / left;
  let passed = 0;
  for (const [place, endMs] of took.entries()) {
    for (; (running[passed] ?? Infinity) < endMs; passed++) {
      left -= 1;
      chance += chance / left;
    }
    left -= 1;
    const before = took[place - 1];
    const after = took[place + 1];
    const downMs = halfWay(endMs, before ?? mirrored(endMs, after));
    const upMs = halfWay(endMs, after ?? mirrored(endMs, before));
    ends.push({ fromMs: Math.max(0, endMs - downMs), toMs: endMs, chance: chance / 2 });
    ends.push({ fromMs: endMs, toMs: endMs + upMs, chance: chance / 2 });
  }
  const longestMs = took.at(-1) ?? 0;
  for (const sinceMs of [longestMs, ...running.slice(passed)]) ends.push(...laterEnds(sinceMs, chance));
  return ends;
}

function halfWay(endMs: number, otherMs: number): number {
  return Math.max(Math.min(AROUND_MS, endMs), Math.abs(otherMs - endMs) / 2);
}

function mirrored(endMs: number, otherMs: number = endMs): number {
  return 2 * endMs - otherMs;
}

function laterEnds(sinceMs: number, chance: number): readonly LikelyEnd[] {
  return LATER.slice(1).map(({ times, left }, step) => {
    const before = LATER[step] ?? { times: 1, left: 1 };
    return {
      fromMs: sinceMs * before.times,
      toMs: sinceMs * times,
      chance: chance * (before.left - left),
    };
  });
}
