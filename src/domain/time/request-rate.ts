/** By how much a late timer may be made up for. */
const CAUGHT_UP_MS = 100;

/**
 * When the request after the next may be sent at a rate, if the next one was allowed from `freeAtMs` and is sent now:
 * over any time, requests never exceed the rate by more than one plus those of a tenth of a second.
 */
export function freeAfter(freeAtMs: number, { nowMs, perSecond }: Turn): number {
  return Math.max(freeAtMs, nowMs - CAUGHT_UP_MS) + 1_000 / perSecond;
}

/** When the next request may be sent after the rate has changed: a faster rate does not keep the wait of a slow one. */
export function freeAtNewRate(freeAtMs: number, { nowMs, perSecond }: Turn): number {
  return Math.min(freeAtMs, nowMs + 1_000 / perSecond);
}

interface Turn {
  readonly nowMs: number;
  readonly perSecond: number;
}

/** The share of each of this many processes in a common rate. */
export function shareOfRate(perSecond: number, processes: number): number {
  return perSecond / Math.max(1, processes);
}

/** The units of a rate, in seconds. */
const UNITS = { s: 1, m: 60, h: 3_600 } as const;
const MOST_PER_SECOND = 100_000;

/** The format that `parseRate` accepts, for messages. */
export const RATE_RULE = 'a rate such as 10/s, 600/m or 5000/h';

/** A text such as `600/m` as requests a second; undefined if it is not a valid rate above 0. */
export function parseRate(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*\/\s*([smh])$/i.exec(text.trim()) ?? [];
  const seconds = Object.entries(UNITS).find(([name]) => name === unit.toLowerCase())?.[1];
  if (amount === undefined || seconds === undefined) return undefined;
  const perSecond = Number(amount) / seconds;
  return perSecond > 0 && perSecond <= MOST_PER_SECOND ? perSecond : undefined;
}

/** A rate as text: in the first unit that gives a whole number, or nearly. */
export function rateText(perSecond: number): string {
  for (const [unit, seconds] of Object.entries(UNITS)) {
    const amount = perSecond * seconds;
    const whole = Math.round(amount);
    if (whole > 0 && Math.abs(amount - whole) <= whole / 10_000) return `${whole}/${unit}`;
  }
  return `${Number((perSecond * UNITS.h).toPrecision(4))}/h`;
}
