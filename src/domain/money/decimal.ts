/** A decimal string as in the service's amounts: an optional sign, digits, and digits after a point. */
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Compares two decimal strings exactly: negative if `a` is less than `b`. Throws a RangeError for anything else. */
export function compareDecimals(a: string, b: string): number {
  const digits = Math.max(fractionOf(a).length, fractionOf(b).length);
  const difference = scaled(a, digits) - scaled(b, digits);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function parts(text: string): RegExpExecArray {
  const match = DECIMAL.exec(text);
  if (!match) throw new RangeError(`"${text}" is not a decimal number.`);
  return match;
}

function fractionOf(text: string): string {
  return parts(text)[3] ?? '';
}

function scaled(text: string, digits: number): bigint {
  const [, sign, whole = '0'] = parts(text);
  const value = BigInt(whole + fractionOf(text).padEnd(digits, '0'));
  return sign === '-' ? -value : value;
}

/** Whether a text is a decimal string without a sign. */
export function isAmount(text: string): boolean {
  return DECIMAL.exec(text)?.[1] === '';
}

const LEAST_SHOWN_DIGITS = 2;

/**
 * The exact sum of amounts, each multiplied by a count, as a decimal string with two digits after the point, or more
 * if they are not zero. Throws a RangeError for an invalid decimal string, and for counts that are not whole numbers.
 */
export function totalOf(terms: readonly { readonly amount: string; readonly times: number }[]): string {
  const digits = Math.max(LEAST_SHOWN_DIGITS, ...terms.map(({ amount }) => fractionOf(amount).length));
  const sum = terms.reduce((total, { amount, times }) => total + scaled(amount, digits) * BigInt(times), 0n);
  const all = (sum < 0n ? -sum : sum).toString().padStart(digits + 1, '0');
  const point = all.length - digits;
  const shown = point + LEAST_SHOWN_DIGITS;
  const fraction = all.slice(point, shown) + all.slice(shown).replace(/0+$/, '');
  return `${sum < 0n ? '-' : ''}${all.slice(0, point)}.${fraction}`;
}

/** Amounts of money are whole millionths of the account's currency: sums are exact below 2^53, that is nine billion; the limits below keep them there. */
const DECIMALS = 6;
const PER_UNIT = 10 ** DECIMALS;
const AMOUNT = /^(\d{1,10})(?:\.(\d{1,6}))?$/;

/** Maximum price of an image, and maximum budget, in the account's currency. */
export const MAX_PRICE = 1_000_000;
export const MAX_BUDGET = 1_000_000_000;

/** A decimal string in millionths; undefined if it is invalid, has a sign or more than six decimals, or is above `most`. */
export function microsOf(text: string, most: number): number | undefined {
  const [, whole, fraction = ''] = AMOUNT.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const micros = Number(whole) * PER_UNIT + Number(fraction.padEnd(DECIMALS, '0'));
  return micros <= most * PER_UNIT ? micros : undefined;
}

/** Millionths as a decimal string: two digits after the point, or more if they are not zero. */
export function microsText(micros: number): string {
  const digits = String(Math.abs(micros)).padStart(DECIMALS + 1, '0');
  const point = digits.length - DECIMALS;
  const fraction = digits.slice(point).replace(/0{1,4}$/, '');
  return `${micros < 0 ? '-' : ''}${digits.slice(0, point)}.${fraction}`;
}
