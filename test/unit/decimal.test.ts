import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDecimals } from '../../src/domain/decimal.js';

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
  it('compare as the exact numbers they are, however long', () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const expected = a.units < b.units ? -1 : a.units > b.units ? 1 : 0;
        expect(compareDecimals(a.text, b.text)).toBe(expected);
      }),
    );
  });

  it('compare where floating point would not tell a difference', () => {
    expect(compareDecimals('9007199254740993.000000001', '9007199254740993')).toBe(1);
    expect(compareDecimals('0.10', '0.1')).toBe(0);
    expect(compareDecimals('-0', '0.00')).toBe(0);
  });

  it.each(['', '1.', '.5', '1e3', ' 1', '+1', 'NaN', '1,5', '0x1'])(
    'are refused where "%s" is none',
    (text) => {
      expect(() => compareDecimals(text, '1')).toThrow(RangeError);
      expect(() => compareDecimals('1', text)).toThrow(RangeError);
    },
  );
});
