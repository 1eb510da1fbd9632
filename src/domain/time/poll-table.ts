import { likelyEnds, type LikelyEnd, type SeenDurations } from './job-durations.js';

/** When to poll jobs of one kind. Milliseconds since a job's create was answered. */
export interface PollPlan {
  /** The first poll of a job. */
  readonly firstMs: number;
  /** The next poll of a job that was last seen unfinished then. */
  readonly nextMs: (unfinishedMs: number) => number;
}

/** The documented interval of polls: kept on average. */
export const BASE_INTERVAL_MS = 2_000;
export const SHORTEST_INTERVAL_MS = 500;
export const LONGEST_INTERVAL_MS = 15_000;

const LEAST_KNOWN = 5;
/** Possible times of polls are this far apart, or farther where jobs take very long. */
const GRAIN_MS = 250;
const MOST_GRAINS = 4_000;
/** The table ends at this multiple of what nineteen of twenty jobs take, and a minute. */
const USUAL_SHARE = 0.95;
const TABLE_TIMES = 4;
const TABLE_MORE_MS = 60_000;
/** The first poll is at most the longest interval later than this share of ends. */
const EARLY_SHARE = 0.05;
/** How many seconds of mean delay a poll must save. More polls than allowed make it worth more, up to the highest. */
const POLL_WORTH = { least: 0.05, most: 2 };
/** With fewer known ends a poll need save no more than this, so that the first jobs of a worker are polled about every 2 s. */
const LEARNT = { ends: 64, mostBefore: 0.5 };
const WORTH_STEPS = 7;

/**
 * The polls of a kind of job that see its end soonest on average, of all plans with at most `mostPolls` a job, and at
 * most one in 2 s on average; where no plan has so few, one with few. Intervals are 0.5 to 15 s. Undefined until five
 * ends are known.
 */
export function pollPlanOf(seen: SeenDurations, mostPolls: number): PollPlan | undefined {
  if (seen.tookMs.length < LEAST_KNOWN) return undefined;
  const grid = gridOf(likelyEnds(seen), tableEndMs(seen.tookMs));
  const most = Math.min(mostPolls, grid.meanMs / BASE_INTERVAL_MS + 0.5);
  const mostWorth = seen.tookMs.length < LEARNT.ends ? LEARNT.mostBefore : POLL_WORTH.most;
  let [low, high] = [Math.log(POLL_WORTH.least), Math.log(mostWorth)];
  let table = cheapestPolls(grid, POLL_WORTH.least);
  if (table.polls > most) {
    table = cheapestPolls(grid, mostWorth);
    for (let step = 0; step < WORTH_STEPS; step++) {
      const between = (low + high) / 2;
      const tried = cheapestPolls(grid, Math.exp(between));
      if (tried.polls > most) low = between;
      else [high, table] = [between, tried];
    }
  }
  return planOf(grid, table);
}

/** Chances at times that are a grain apart. */
interface Grid {
  readonly grainMs: number;
  /** By the number of grains: the chance that a job has not ended by then. */
  readonly left: Float64Array;
  /** The sum of chance times end, in milliseconds, of all ends by then. */
  readonly ended: Float64Array;
  /** The last time at which no job has ended, and the latest for a first poll, in grains. */
  readonly quiet: number;
  readonly latestFirst: number;
  readonly meanMs: number;
}

/** Polls that cost least, by the number of grains at which a job was seen unfinished. */
interface Table {
  readonly first: number;
  readonly next: Uint16Array;
  /** Polls of a job on average. */
  readonly polls: number;
}

function tableEndMs(tookMs: readonly number[]): number {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const usualMs = sorted[Math.ceil(sorted.length * USUAL_SHARE) - 1] ?? 0;
  const longestMs = (MOST_GRAINS * LONGEST_INTERVAL_MS) / TABLE_TIMES;
  return Math.min(longestMs, TABLE_TIMES * usualMs + TABLE_MORE_MS);
}

function gridOf(ends: readonly LikelyEnd[], endMs: number): Grid {
  const grainMs = Math.max(GRAIN_MS, endMs / MOST_GRAINS);
  const size = Math.ceil(endMs / grainMs);
  const change = new Float64Array(size + 2);
  for (const { fromMs, toMs, chance } of ends) {
    const from = Math.round(fromMs / grainMs);
    const to = Math.max(from + 1, Math.round(toMs / grainMs));
    const each = chance / (to - from);
    for (const [at, amount] of [
      [from, each],
      [to, -each],
    ] as const) {
      const place = Math.min(at, size + 1);
      change[place] = (change[place] ?? 0) + amount;
    }
  }
  const left = new Float64Array(size + 1).fill(1);
  const ended = new Float64Array(size + 1);
  let [chance, quiet, early] = [0, 0, 0];
  for (let at = 0; at < size; at++) {
    chance += change[at] ?? 0;
    left[at + 1] = Math.max(0, (left[at] ?? 0) - chance);
    ended[at + 1] = (ended[at] ?? 0) + chance * (at + 0.5) * grainMs;
    if (left[at + 1] === 1) quiet = at + 1;
    if ((left[at + 1] ?? 0) > 1 - EARLY_SHARE) early = at + 1;
  }
  const meanMs = (ended[size] ?? 0) / Math.max(1e-9, 1 - (left[size] ?? 0));
  const latestFirst = Math.min(size, early + Math.floor(LONGEST_INTERVAL_MS / grainMs));
  return { grainMs, left, ended, quiet, latestFirst, meanMs };
}

/** By backward induction: after each time at which a job may be seen unfinished, the poll from which on it costs least. */
function cheapestPolls(grid: Grid, pollWorth: number): Table {
  const { left, ended, grainMs, latestFirst, quiet } = grid;
  const size = left.length - 1;
  const [least, most] = [SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS].map((ms) =>
    Math.max(1, Math.round(ms / grainMs)),
  ) as [number, number];
  const cost = new Float64Array(size + 1);
  const polls = new Float64Array(size + 1);
  const next = new Uint16Array(size + 1);
  const best = (at: number, from: number, to: number): number => {
    let [cheapest, place] = [Infinity, to];
    const [leftNow, endedNow] = [left[at] ?? 0, ended[at] ?? 0];
    for (let then = from; then <= to; then++) {
      const lateMs = then * grainMs * (leftNow - (left[then] ?? 0)) - ((ended[then] ?? 0) - endedNow);
      const sum = lateMs + (cost[then] ?? 0);
      if (sum < cheapest) [cheapest, place] = [sum, then];
    }
    cost[at] = cheapest + pollWorth * 1_000 * leftNow;
    polls[at] = leftNow + (polls[place] ?? 0);
    return place;
  };
  for (let at = size - 1; at > 0; at--) {
    next[at] = best(at, Math.min(size, at + least), Math.min(size, at + most));
  }
  const first = best(0, Math.max(1, quiet), latestFirst);
  return { first, next, polls: polls[0] ?? 0 };
}

function planOf({ grainMs, quiet, left }: Grid, { first, next }: Table): PollPlan {
  const size = left.length - 1;
  const firstMs = first * grainMs;
  return {
    firstMs,
    nextMs: (unfinishedMs) => {
      const at = Math.round(unfinishedMs / grainMs);
      if (at <= quiet) return Math.max(firstMs, unfinishedMs + SHORTEST_INTERVAL_MS);
      const nextMs = at < size ? (next[at] ?? 0) * grainMs : unfinishedMs + overdueIntervalMs(unfinishedMs);
      return Math.max(unfinishedMs + SHORTEST_INTERVAL_MS, nextMs);
    },
  };
}

/** The interval for a job that takes longer than any table says. */
function overdueIntervalMs(ageMs: number): number {
  return Math.min(LONGEST_INTERVAL_MS, Math.max(BASE_INTERVAL_MS, ageMs / TABLE_TIMES));
}
