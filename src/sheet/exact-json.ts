import { parse } from 'lossless-json';

/** Numbers that `JSON.parse` may take for others; strings of digits are looked at in vain. */
const MAYBE_INEXACT = /\d{16}|\d[eE]\+?\d{3}|-0(?!\d)/;

/**
 * The value of a JSON text, like `JSON.parse`, except for numbers that it would silently change: a whole number beyond
 * ±(2^53 − 1), and one too large for any number here, become the text of their digits; -0 becomes 0, as which it is
 * written. Throws where the text is no JSON.
 */
export function parseJson(text: string): unknown {
  if (!MAYBE_INEXACT.test(text)) return JSON.parse(text);
  return parse(text, undefined, { parseNumber: numberOrDigits, onDuplicateKey: ({ newValue }) => newValue });
}

function numberOrDigits(digits: string): number | string {
  const number = Number(digits);
  const isWhole = /^-?\d+$/.test(digits);
  if (!Number.isFinite(number) || (isWhole && !Number.isSafeInteger(number))) return digits;
  return number === 0 ? 0 : number;
}
