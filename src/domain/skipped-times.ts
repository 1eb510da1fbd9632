/** Firings that came to nothing, by why. */
export interface SkippedTimes {
  /** The server was away at their times, and for too long afterwards. */
  readonly missed: readonly Date[];
  /** A firing before them was running. */
  readonly overlapped: readonly Date[];
}

/**
 * Which of a schedule's past times were skipped, from how many were: of those that nothing else is known of, the oldest
 * were missed, and the newest had one before them running (where one may wait, it is older than those that are skipped).
 * Fewer than counted where someone fired the schedule by hand, and that was skipped.
 */
export function skippedTimes(
  /** In order. */
  unexplained: readonly Date[],
  counted: { readonly missed: number; readonly overlapped: number },
): SkippedTimes {
  const missed = unexplained.slice(0, counted.missed);
  const rest = unexplained.slice(missed.length);
  return { missed, overlapped: counted.overlapped > 0 ? rest.slice(-counted.overlapped) : [] };
}

const MOST_TOLD = 10;

/** Of skips in order those that are told: each, or where they are more than ten the newest with a word of the others. */
export function toldSkips<Skip extends { readonly time: Date; readonly reason: string }>(
  skips: readonly Skip[],
): readonly Skip[] {
  const [first, newest] = [skips[0], skips.at(-1)];
  if (!first || !newest || skips.length <= MOST_TOLD) return skips;
  const others = `${skips.length - 1} times before it were skipped too, from ${first.time.toISOString()} on.`;
  return [{ ...newest, reason: `${newest.reason} ${others}` }];
}
