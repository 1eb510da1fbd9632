const BASE_INTERVAL_MS = 2_000;
const LONGEST_INTERVAL_MS = 15_000;
const SHORTEST_DELAY_MS = 200;

/** When to poll a job. Milliseconds since its create was answered. */
export interface PollTimes {
  /** The first poll, when such a job is probably near its end. */
  readonly firstMs: number;
  /** Until then polls use the base interval; later they become less frequent. */
  readonly easeAfterMs: number;
}

/** If the clocks of two workers differ by more, they cannot measure how long a message took. */
const LONGEST_ON_ITS_WAY_MS = 10_000;

/**
 * How much older a job is than the time since its wait was scheduled, because the answer to its create was on its
 * way. `sinceAnswerMs` is by the clocks of the workers that created and wait; undefined if unknown.
 */
export function heardLateMs(sinceAnswerMs: number | undefined, sinceScheduledMs: number): number {
  const lateMs = (sinceAnswerMs ?? sinceScheduledMs) - sinceScheduledMs;
  return lateMs > 0 && lateMs <= LONGEST_ON_ITS_WAY_MS ? lateMs : 0;
}

/** For jobs of unknown kinds. */
export const UNKNOWN_POLL_TIMES: PollTimes = { firstMs: 5_000, easeAfterMs: 65_000 };

/**
 * How long to wait before the next poll of a job, in milliseconds: the first one at `firstMs`, then every 2 s (the
 * documented interval), growing to 15 s for jobs that take much longer than others. `random` in [0, 1) moves each
 * poll both ways, the first by a fortieth and others by a tenth, so that polls do not synchronize. Overdue first
 * polls, as after a worker's restart, are spread over an interval.
 */
export function nextPollDelayMs(input: {
  /** Since the job's create was answered. */
  readonly ageMs: number;
  readonly polls: number;
  readonly times: PollTimes;
  readonly random: number;
}): number {
  const { ageMs, polls, times, random } = input;
  const toBothSides = 2 * random - 1;
  if (polls > 0) return intervalMs(ageMs, times) * (1 + toBothSides / 10);
  const leftMs = times.firstMs * (1 + toBothSides / 40) - ageMs;
  if (leftMs > 0) return Math.max(SHORTEST_DELAY_MS, leftMs);
  return SHORTEST_DELAY_MS + random * Math.min(-leftMs, BASE_INTERVAL_MS);
}

/**
 * How much longer to wait before the first poll, by what was learned since its delay was set: the jobs that end first
 * make all seem quick. Milliseconds; zero if it hardly matters.
 */
export function stillEarlyMs(ageMs: number, { firstMs }: PollTimes): number {
  const earlyMs = firstMs - ageMs;
  return earlyMs > BASE_INTERVAL_MS / 4 ? earlyMs : 0;
}

function intervalMs(ageMs: number, { easeAfterMs }: PollTimes): number {
  const overdueMs = Math.max(0, ageMs - easeAfterMs);
  return Math.min(LONGEST_INTERVAL_MS, BASE_INTERVAL_MS + overdueMs / 5);
}

/** Weight of a poll against a second of delay; chosen so that jobs of 8–25 s take 3.4 polls. */
const SECONDS_A_POLL_IS_WORTH = 0.65;

const LEAST_KNOWN = 5;
/** Jobs later than nine of ten are no longer polled at the base interval; outliers are rarely a larger share. */
const LATE_SHARE = 0.9;
/** All times within this factor of the best are averaged: the best alone depends on single jobs. */
const NEARLY_LEAST = 1.05;
/** The service reports times in whole seconds: each stands for a range around it. */
const AROUND_MS = [-500, 0, 500];
const GRAIN_MS = 250;

/**
 * When to poll jobs of a kind of which some have ended after `tookMs`: the first poll where a longer wait would cost
 * more in delay than it saves in polls. A few outliers hardly change it; undefined until five are known.
 */
export function pollTimesOf(tookMs: readonly number[]): PollTimes | undefined {
  if (tookMs.length < LEAST_KNOWN) return undefined;
  const sorted = tookMs.toSorted((a, b) => a - b);
  const lateMs = sorted[Math.ceil(sorted.length * LATE_SHARE) - 1] ?? 0;
  const likely = new Map<number, number>();
  for (const took of sorted) {
    for (const around of AROUND_MS) {
      const endMs = Math.max(0, Math.round((Math.min(took, lateMs) + around) / GRAIN_MS) * GRAIN_MS);
      likely.set(endMs, (likely.get(endMs) ?? 0) + 1);
    }
  }
  const candidates = [...likely.keys()].map((firstMs) => ({
    firstMs,
    cost: [...likely].reduce((sum, [endMs, count]) => sum + count * costOf(firstMs, endMs), 0),
  }));
  const least = Math.min(...candidates.map(({ cost }) => cost));
  const good = candidates.filter(({ cost }) => cost <= least * NEARLY_LEAST);
  const firstMs = good.reduce((sum, one) => sum + one.firstMs, 0) / good.length;
  return { firstMs, easeAfterMs: Math.max(lateMs, firstMs) + BASE_INTERVAL_MS };
}

/** The cost in delay and polls, in seconds, of a job that ends after `endMs` and is first polled after `firstMs`. */
function costOf(firstMs: number, endMs: number): number {
  const more = Math.max(0, Math.ceil((endMs - firstMs) / BASE_INTERVAL_MS));
  const seenMs = firstMs + more * BASE_INTERVAL_MS;
  return (seenMs - endMs) / 1_000 + SECONDS_A_POLL_IS_WORTH * (1 + more);
}
