/** A decimal string as the service sends amounts: an optional sign, digits, and digits after a point. */
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Compares two decimal strings exactly: negative where `a` is less than `b`. Throws a RangeError for anything else. */
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
