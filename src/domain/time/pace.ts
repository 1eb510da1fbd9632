/** A period in which the service asked for no requests: from a create's 429 to the end of its Retry-After. */
export interface SlowPeriod {
  /** Milliseconds since the epoch. */
  readonly metAtMs: number;
  readonly untilMs: number;
  /** The longest wait requested in it; absent: the whole period. */
  readonly waitMs?: number;
}

/** A lower window takes effect as jobs end: it is not halved again within this time. */
const HALVED_EVERY_MS = 30_000;
/** Interval between two steps up: ten times the requested wait, within these limits. */
const GROWN_EVERY_MS = { least: 10_000, most: 60_000 };
const GROWN_AFTER_WAITS = 10;
/** In 64ths of the requested concurrency: a little over a fifth. */
const GROWTH = 13;
const FULL = 64;
/** A service that always refuses some requests must not bring a batch to a standstill. */
const LEAST = FULL / 8;
/** Since each period halves the pace, older ones no longer matter. */
const KEPT_PERIODS = 16;
/** After this long without 429s the pace is full again, however low it was. */
const RECOVERED_AFTER_MS = Math.ceil(FULL / GROWTH) * GROWN_EVERY_MS.most;

/**
 * Adds a 429 to the slow periods so far. Overlapping periods are merged, and so are those that begin within 30 s of
 * the first of them, since they halve the window once. So even with short and frequent waits the kept periods reach
 * back far enough.
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

/** How long after a period, without 429s, the pace grows by a step. */
function growthEveryMs(period: SlowPeriod): number {
  return Math.min(GROWN_EVERY_MS.most, Math.max(GROWN_EVERY_MS.least, GROWN_AFTER_WAITS * waitOf(period)));
}

/** The batch may create nothing before this time; 0 for no limit. Milliseconds since the epoch. */
export function createsNotBeforeMs(periods: readonly SlowPeriod[]): number {
  return periods.at(-1)?.untilMs ?? 0;
}

/**
 * The number of jobs in flight allowed of the `asked` ones: halved at each slow period, at most once in 30 s and down
 * to an eighth of `asked`; then raised by a fifth of `asked` after each period without 429s of ten times the
 * requested wait (10 s to a minute), until it is full. At least 1, never more than `asked`.
 */
export function pacedConcurrency(asked: number, periods: readonly SlowPeriod[], nowMs: number): number {
  return Math.min(asked, Math.max(1, Math.floor((asked * shareAt(periods, nowMs)) / FULL)));
}

/** When the pace next grows, in milliseconds since the epoch; undefined if it is full. */
export function nextGrowthMs(periods: readonly SlowPeriod[], nowMs: number): number | undefined {
  const last = periods.at(-1);
  if (!last || shareAt(periods, nowMs) >= FULL) return undefined;
  return last.untilMs + (quietSteps(last, nowMs) + 1) * growthEveryMs(last);
}

/** When the pace will be full, if no more 429 comes; undefined if it is. Milliseconds since the epoch. */
export function fullAgainMs(periods: readonly SlowPeriod[], nowMs: number): number | undefined {
  const last = periods.at(-1);
  if (!last || shareAt(periods, nowMs) >= FULL) return undefined;
  const missing = FULL - shareAt(periods, last.untilMs);
  return last.untilMs + Math.ceil(missing / GROWTH) * growthEveryMs(last);
}

/** In 64ths. */
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

/** A lowered pace, as `status` shows it. */
export interface LoweredPace {
  /** Maximum number of jobs in flight for now. */
  readonly concurrency: number;
  /** Nothing is created before this time. ISO 8601. */
  readonly notBefore: string;
  /** When it will be full, if no more 429 comes. ISO 8601. */
  readonly fullAt: string;
}
