import { BASE_INTERVAL_MS, LONGEST_INTERVAL_MS, SHORTEST_INTERVAL_MS, type PollPlan } from './poll-table.js';

const SHORTEST_DELAY_MS = 200;

/** If the clocks of two workers differ by more, they cannot measure how long a message took. */
const LONGEST_ON_ITS_WAY_MS = 10_000;

/**
 * How much older a job is than the time since its wait was scheduled, because the answer to its create was on its
 * way. `sinceAnswerMs` is by the clocks of the workers that created and wait; undefined if unknown.
 */
export function answeredLateMs(sinceAnswerMs: number | undefined, sinceScheduledMs: number): number {
  const lateMs = (sinceAnswerMs ?? sinceScheduledMs) - sinceScheduledMs;
  return lateMs > 0 && lateMs <= LONGEST_ON_ITS_WAY_MS ? lateMs : 0;
}

/** The first poll of a job of an unknown kind. */
export const UNKNOWN_FIRST_POLL_MS = 5_000;
const UNKNOWN_EASES_AFTER_MS = 65_000;

/** For jobs of unknown kinds: polls every 2 s, and after a minute less and less often, down to every 15 s. */
export function unknownPollPlan(firstMs: number = UNKNOWN_FIRST_POLL_MS): PollPlan {
  return {
    firstMs,
    nextMs: (unfinishedMs) => {
      const overdueMs = Math.max(0, unfinishedMs - UNKNOWN_EASES_AFTER_MS);
      const intervalMs = Math.min(LONGEST_INTERVAL_MS, BASE_INTERVAL_MS + overdueMs / 5);
      return Math.max(firstMs, unfinishedMs + intervalMs);
    },
  };
}

/** What decides when a job is polled next. Milliseconds since the job's create was answered. */
export interface PollWait {
  readonly ageMs: number;
  readonly polls: number;
  /** The last poll that showed it unfinished; 0 if none did. */
  readonly unfinishedMs: number;
  readonly plan: PollPlan;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * How long to wait before the next poll of a job, in milliseconds. `random` moves each poll both ways, the first by a
 * fortieth and others by a tenth of the interval, so that polls do not synchronize. Overdue first polls, as after a
 * worker's restart, are spread over 2 s.
 */
export function nextPollDelayMs(wait: PollWait): number {
  const leftMs = dueMs(wait) - wait.ageMs;
  if (wait.polls > 0) return Math.max(SHORTEST_INTERVAL_MS, leftMs);
  if (leftMs > 0) return Math.max(SHORTEST_DELAY_MS, leftMs);
  return SHORTEST_DELAY_MS + wait.random * Math.min(-leftMs, BASE_INTERVAL_MS);
}

/**
 * How much longer to wait for a poll whose delay is over, by what was learned since that was set. Milliseconds; zero
 * if it hardly matters.
 */
export function stillEarlyMs(wait: PollWait): number {
  const earlyMs = dueMs(wait) - wait.ageMs;
  return earlyMs > BASE_INTERVAL_MS / 4 ? earlyMs : 0;
}

/** The job's age at the next poll. */
function dueMs({ polls, unfinishedMs, plan, random }: PollWait): number {
  const toBothSides = 2 * random - 1;
  if (polls === 0) return plan.firstMs * (1 + toBothSides / 40);
  const intervalMs = (plan.nextMs(unfinishedMs) - unfinishedMs) * (1 + toBothSides / 10);
  return unfinishedMs + Math.min(LONGEST_INTERVAL_MS, intervalMs);
}
