import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDecimals, isAmount, totalOf } from '../../../../src/domain/money/decimal.js';

const decimalOf = (units: bigint): string => {
  const digits = (units < 0n ? -units : units).toString().padStart(10, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
};

/** A number of billionths and its decimal spelling, with some zeros that do not matter. */
const decimal = fc
  .record({
    units: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
    leading: fc.nat(3),
    keepZeros: fc.boolean(),
  })
  .map(({ units, leading, keepZeros }) => {
    const digits = (units < 0n ? -units : units).toString().padStart(10, '0');
    const fraction = digits.slice(-9);
    const shown = keepZeros ? fraction : fraction.replace(/0+$/, '');
    const text = `${units < 0n ? '-' : ''}${'0'.repeat(leading)}${digits.slice(0, -9)}`;
    return { units, text: shown === '' ? text : `${text}.${shown}` };
  });

describe('amounts of money', () => {
  it('compare exactly, at any length', () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const expected = a.units < b.units ? -1 : a.units > b.units ? 1 : 0;
        expect(compareDecimals(a.text, b.text)).toBe(expected);
      }),
    );
  });

  it('compare if floating point would see no difference', () => {
    expect(compareDecimals('9007199254740993.000000001', '9007199254740993')).toBe(1);
    expect(compareDecimals('0.10', '0.1')).toBe(0);
    expect(compareDecimals('-0', '0.00')).toBe(0);
  });

  it('add up exactly, any number of times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(decimal, fc.nat(1_000_000))), (terms) => {
        const total = totalOf(terms.map(([{ text: amount }, times]) => ({ amount, times })));
        const units = terms.reduce((sum, [one, times]) => sum + one.units * BigInt(times), 0n);
        expect(total).toMatch(/^-?\d+\.\d\d(\d*[1-9])?$/);
        expect(compareDecimals(`${total}000000000`, decimalOf(units))).toBe(0);
      }),
    );
    expect(totalOf([{ amount: '0.1', times: 3 }])).toBe('0.30');
    expect(
      totalOf([
        { amount: '0.039', times: 7 },
        { amount: '12', times: 1 },
      ]),
    ).toBe('12.273');
    expect(totalOf([])).toBe('0.00');
  });

  it('are prices if they have no sign', () => {
    expect(['0', '0.04', '12'].every(isAmount)).toBe(true);
    expect(['-0.04', '.5', '1e3', ''].some(isAmount)).toBe(false);
  });

  it.each(['', '1.', '.5', '1e3', ' 1', '+1', 'NaN', '1,5', '0x1'])('refuse "%s"', (text) => {
    expect(() => compareDecimals(text, '1')).toThrow(RangeError);
    expect(() => compareDecimals('1', text)).toThrow(RangeError);
  });
});
