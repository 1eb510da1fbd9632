import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cellOf, LabelTypes, type Cell, type ColumnType } from '../../../../src/domain/rows/label-types.js';
import type { JsonValue } from '../../../../src/domain/text/json.js';

function columnOf(values: readonly JsonValue[]): {
  readonly type: ColumnType;
  readonly cells: readonly Cell[];
} {
  const types = new LabelTypes(['label']);
  for (const value of values) types.note({ label: value });
  const type = types.columns[0]?.type ?? 'string';
  return { type, cells: values.map((value) => cellOf(type, value)) };
}

describe('a label column', () => {
  test.each<{ values: readonly JsonValue[]; type: ColumnType; cells: readonly Cell[] }>([
    { values: ['7', ''], type: 'string', cells: ['7', ''] },
    { values: [null, null], type: 'string', cells: [null, null] },
    { values: [true, null], type: 'bool', cells: [true, null] },
    { values: [1, -2, null], type: 'int64', cells: [1, -2, null] },
    { values: [1, 0.5], type: 'float64', cells: [1, 0.5] },
    { values: [0.5, 1e300], type: 'float64', cells: [0.5, 1e300] },
    { values: [1, 2 ** 53], type: 'mixed', cells: ['1', '9007199254740992'] },
    { values: [{ a: [1] }, [], null], type: 'json', cells: ['{"a":[1]}', '[]', null] },
    { values: ['a', 1, false, { b: 1 }], type: 'mixed', cells: ['a', '1', 'false', '{"b":1}'] },
    { values: [true, 1], type: 'mixed', cells: ['true', '1'] },
  ])('of $values is $type', ({ values, type, cells }) => {
    expect(columnOf(values)).toEqual({ type, cells });
  });

  test('keeps all its values in its type', () => {
    const value = fc.jsonValue() as fc.Arbitrary<JsonValue>;
    const list = fc.oneof(
      fc.array(value),
      fc.array(fc.integer()),
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })),
    );
    fc.assert(
      fc.property(list, (values) => {
        // As the ledger has them.
        const read = values.map((one): JsonValue => JSON.parse(JSON.stringify(one)));
        const { type, cells } = columnOf(read);
        const back = cells.map((cell, index): JsonValue => {
          const isText = typeof read[index] === 'string';
          const isWritten = type === 'json' || (type === 'mixed' && !isText);
          return isWritten && typeof cell === 'string' ? JSON.parse(cell) : cell;
        });
        expect(back).toEqual(read);
      }),
    );
  });

  test('is ordered: the columns of the sheet first, then by first appearance', () => {
    const types = new LabelTypes(['b', 'a']);
    types.note({ c: 1, a: 'x' });
    expect(types.columns.map(({ label }) => label)).toEqual(['b', 'a', 'c']);
  });
});
