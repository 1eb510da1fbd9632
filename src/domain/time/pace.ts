/** A time in which the service asked to be left alone: from a create's 429 until its Retry-After was over. */
export interface SlowPeriod {
  /** Milliseconds since the epoch. */
  readonly metAtMs: number;
  readonly untilMs: number;
  /** The longest wait that was asked for in it; absent: all of it. */
  readonly waitMs?: number;
}

/** A lower window takes effect as jobs end: it is not halved again before. */
const HALVED_EVERY_MS = 30_000;
/** Between two steps back: ten times what the service asked to wait, within these. */
const GROWN_EVERY_MS = { least: 10_000, most: 60_000 };
const GROWN_AFTER_WAITS = 10;
/** Of what was asked for, in 64ths: a fifth of it and a little. */
const GROWTH = 13;
const FULL = 64;
/** A service that refuses now and then whatever is asked of it must not bring a batch to a standstill. */
const LEAST = FULL / 8;
/** What came before this many periods has no weight any more: each halves it. */
const KEPT_PERIODS = 16;
/** Quiet for that long, the pace is what it was, however low it had been. */
const RECOVERED_AFTER_MS = Math.ceil(FULL / GROWTH) * GROWN_EVERY_MS.most;

/**
 * Adds a 429 to the slow periods so far: those that overlap are one, and so are those that begin within 30 s of the
 * first of them, since they halve the window once. So however short and frequent the waits are that the service asks
 * for, the periods that are kept reach back far enough.
 */
export function withSlowPeriod(periods: readonly SlowPeriod[], met: SlowPeriod): readonly SlowPeriod[] {
  const merged: SlowPeriod[] = [];
  for (const period of [...periods, met].toSorted((a, b) => a.metAtMs - b.metAtMs)) {
    const last = merged.at(-1);
    if (last && period.metAtMs < Math.max(last.untilMs + 1, last.metAtMs + HALVED_EVERY_MS)) {
      merged[merged.length - 1] = {
        metAtMs: last.metAtMs,
        untilMs: Math.max(last.untilMs, period.untilMs),
        waitMs: Math.max(waitOf(last), waitOf(period)),
      };
    } else merged.push({ metAtMs: period.metAtMs, untilMs: period.untilMs, waitMs: waitOf(period) });
  }
  return merged.slice(-KEPT_PERIODS);
}

function waitOf({ metAtMs, untilMs, waitMs = untilMs - metAtMs }: SlowPeriod): number {
  return waitMs;
}

/** How long it must be quiet after a period before the pace grows by a step. */
function growthEveryMs(period: SlowPeriod): number {
  return Math.min(GROWN_EVERY_MS.most, Math.max(GROWN_EVERY_MS.least, GROWN_AFTER_WAITS * waitOf(period)));
}

/** No create of the batch is to be sent before; 0 where none was asked to wait. Milliseconds since the epoch. */
export function createsNotBeforeMs(periods: readonly SlowPeriod[]): number {
  return periods.at(-1)?.untilMs ?? 0;
}

/**
 * How many rows may have an unfinished job at once, of the `asked` ones: halved at each slow period, at most once in
 * 30 s and to an eighth of `asked` at the least; then a fifth of `asked` more each time it was quiet for ten times the
 * wait that was asked for (10 s to a minute), until it is back. At least 1, never more than `asked`.
 */
export function pacedConcurrency(asked: number, periods: readonly SlowPeriod[], nowMs: number): number {
  return Math.min(asked, Math.max(1, Math.floor((asked * shareAt(periods, nowMs)) / FULL)));
}

/** When the pace grows next, in milliseconds since the epoch; undefined where it is not lowered. */
export function nextGrowthMs(periods: readonly SlowPeriod[], nowMs: number): number | undefined {
  const last = periods.at(-1);
  if (!last || shareAt(periods, nowMs) >= FULL) return undefined;
  return last.untilMs + (quietSteps(last, nowMs) + 1) * growthEveryMs(last);
}

/** When the pace will be what was asked for, if no more 429 comes; undefined where it is. Milliseconds since the epoch. */
export function fullAgainMs(periods: readonly SlowPeriod[], nowMs: number): number | undefined {
  const last = periods.at(-1);
  if (!last || shareAt(periods, nowMs) >= FULL) return undefined;
  const missing = FULL - shareAt(periods, last.untilMs);
  return last.untilMs + Math.ceil(missing / GROWTH) * growthEveryMs(last);
}

/** In 64ths, as a fraction. */
function shareAt(periods: readonly SlowPeriod[], nowMs: number): number {
  let share = FULL;
  let last: SlowPeriod | undefined;
  for (const period of periods) {
    share = Math.max(LEAST, grown(share, last, period.metAtMs) / 2);
    last = period;
  }
  return grown(share, last, nowMs);
}

function grown(share: number, last: SlowPeriod | undefined, nowMs: number): number {
  return last ? Math.min(FULL, share + GROWTH * quietSteps(last, nowMs)) : share;
}

function quietSteps(last: SlowPeriod, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - last.untilMs) / growthEveryMs(last)));
}

/** The periods that still lower the pace; none once it has recovered. */
export function periodsInForce(periods: readonly SlowPeriod[], nowMs: number): readonly SlowPeriod[] {
  return nowMs - createsNotBeforeMs(periods) >= RECOVERED_AFTER_MS ? [] : periods;
}

/** A pace that 429s have lowered, as `status` shows it. */
export interface LoweredPace {
  /** Most rows with an unfinished job at once, for now. */
  readonly concurrency: number;
  /** Nothing is created before. ISO 8601. */
  readonly notBefore: string;
  /** When it will be what was asked for, if no more 429 comes. ISO 8601. */
  readonly fullAt: string;
}
