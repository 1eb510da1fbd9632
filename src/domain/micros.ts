/**
 * Amounts of money as whole millionths of the account's currency: sums are exact as long as they stay below 2^53, that is
 * nine billion; the limits below keep them there.
 */
const DECIMALS = 6;
const PER_UNIT = 10 ** DECIMALS;
const AMOUNT = /^(\d{1,10})(?:\.(\d{1,6}))?$/;

/** The highest price of an image, and the highest budget, in the account's currency. */
export const MAX_PRICE = 1_000_000;
export const MAX_BUDGET = 1_000_000_000;

/** The millionths that a decimal string says; undefined where it is not one, has a sign or more than six decimals, or is above `most`. */
export function microsOf(text: string, most: number): number | undefined {
  const [, whole, fraction = ''] = AMOUNT.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const micros = Number(whole) * PER_UNIT + Number(fraction.padEnd(DECIMALS, '0'));
  return micros <= most * PER_UNIT ? micros : undefined;
}

/** The decimal string of this many millionths: two digits after the point, and more where they are not zero. */
export function microsText(micros: number): string {
  const digits = String(Math.abs(micros)).padStart(DECIMALS + 1, '0');
  const point = digits.length - DECIMALS;
  const fraction = digits.slice(point).replace(/0{1,4}$/, '');
  return `${micros < 0 ? '-' : ''}${digits.slice(0, point)}.${fraction}`;
}
