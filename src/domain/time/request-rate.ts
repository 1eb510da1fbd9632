/** How far a clock that rings late may be caught up with. */
const CAUGHT_UP_MS = 100;

/**
 * When the request after the next may be sent at a rate, where the next one was free to go from `freeAtMs` and goes now:
 * over any time, requests never exceed the rate by more than one and what a tenth of a second takes.
 */
export function freeAfter(freeAtMs: number, { nowMs, perSecond }: Turn): number {
  return Math.max(freeAtMs, nowMs - CAUGHT_UP_MS) + 1_000 / perSecond;
}

/** When the next request may be sent once the rate has changed: a slow rate's wait is not kept by a faster one. */
export function freeAtNewRate(freeAtMs: number, { nowMs, perSecond }: Turn): number {
  return Math.min(freeAtMs, nowMs + 1_000 / perSecond);
}

interface Turn {
  readonly nowMs: number;
  readonly perSecond: number;
}

/** What each of this many processes may send of a rate that holds for all of them. */
export function shareOfRate(perSecond: number, processes: number): number {
  return perSecond / Math.max(1, processes);
}

/** What a rate may be given in, with the seconds of each. */
const UNITS = { s: 1, m: 60, h: 3_600 } as const;
const MOST_PER_SECOND = 100_000;

/** What `parseRate` takes, for messages. */
export const RATE_RULE = 'a rate such as 10/s, 600/m or 5000/h';

/** The requests a second that a text such as `600/m` stands for; undefined for what is no such rate, or not above 0. */
export function parseRate(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*\/\s*([smh])$/i.exec(text.trim()) ?? [];
  const seconds = Object.entries(UNITS).find(([name]) => name === unit.toLowerCase())?.[1];
  if (amount === undefined || seconds === undefined) return undefined;
  const perSecond = Number(amount) / seconds;
  return perSecond > 0 && perSecond <= MOST_PER_SECOND ? perSecond : undefined;
}

/** A rate as a person writes it: in the first unit in which it is a whole number, or nearly. */
export function rateText(perSecond: number): string {
  for (const [unit, seconds] of Object.entries(UNITS)) {
    const amount = perSecond * seconds;
    const whole = Math.round(amount);
    if (whole > 0 && Math.abs(amount - whole) <= whole / 10_000) return `${whole}/${unit}`;
  }
  return `${Number((perSecond * UNITS.h).toPrecision(4))}/h`;
}
