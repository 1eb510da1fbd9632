/** An amount in millionths of the account's currency: sums are exact. */
export type Micros = bigint;

const AMOUNT = /^(\d{1,12})(?:\.(\d{1,6}))?$/;

/** Whether `text` is an amount that `parseMicros` takes: digits with at most six decimals, no sign. */
export function isAmount(text: string): boolean {
  return AMOUNT.test(text);
}

/** The amount that a decimal string says. Throws where it is not one. */
export function parseMicros(text: string): Micros {
  const [, whole, decimals = ''] = AMOUNT.exec(text) ?? [];
  if (whole === undefined) {
    throw new RangeError(
      `"${text}" is not an amount: expected digits with at most six decimals, such as 12.50`,
    );
  }
  return BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, '0'));
}

/** The decimal string of an amount: at least two decimals, up to six where they are not zero. */
export function formatMicros(micros: Micros): string {
  const sign = micros < 0n ? '-' : '';
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, '0');
  const decimals = digits.slice(-6).replace(/0{1,4}$/, '');
  return `${sign}${digits.slice(0, -6)}.${decimals}`;
}
