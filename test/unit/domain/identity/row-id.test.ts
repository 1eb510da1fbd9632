import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../../../src/domain/identity/content-hash.js';
import { brokenRowIdRule, derivedRowId, promptSlug, RowIds } from '../../../../src/domain/identity/row-id.js';

const hashOf = (prompt: string) =>
  contentHash({ prompt, model: 'pro', aspectRatio: '1:1', resolution: '1K', inputImages: [] });
const request = (prompt: string, line: number, id?: string, count = 1) => ({
  id,
  prompt,
  contentHash: hashOf(prompt),
  count,
  line,
});

const codeUnit = fc.oneof(fc.integer({ min: 32, max: 126 }), fc.integer({ min: 0, max: 0xffff }));

describe('the slug of a prompt', () => {
  test('is lower-case ASCII without accents, quotes or apostrophes', () => {
    expect(promptSlug('  Crème Brûlée, "Conway\'s" best!  ')).toBe('creme-brulee-conways-best');
  });

  test('is truncated at 40 characters without a trailing hyphen', () => {
    expect(promptSlug(`${'a'.repeat(39)} b`)).toBe('a'.repeat(39));
  });

  test('is empty for a script without ASCII letters, so the id is the hash alone', () => {
    expect(promptSlug('小さな田舎の駅')).toBe('');
    expect(derivedRowId('小さな田舎の駅', hashOf('小さな田舎の駅'))).toMatch(/^[0-9a-f]{12}$/);
  });

  test('has only safe characters for any prompt', () => {
    fc.assert(
      fc.property(fc.array(codeUnit), (units) => {
        const prompt = String.fromCharCode(...units);
        expect(promptSlug(prompt)).toMatch(/^(?:[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)?$/);
      }),
    );
  });
});

describe('an id from the sheet', () => {
  test('may have spaces, slashes and any script', () => {
    expect(brokenRowIdRule('Sommer 2026/größe Ж 猫', false)).toBeUndefined();
  });

  test('has no "~", which marks our copies, except in our own failures.csv', () => {
    expect(brokenRowIdRule('a~1', false)).toMatch(/reserved/);
    expect(brokenRowIdRule('a~1', true)).toBeUndefined();
    expect(brokenRowIdRule('a~d2~3', true)).toBeUndefined();
    expect(brokenRowIdRule('a~b', true)).toMatch(/reserved/);
  });

  test('has no control characters and at most 200 characters', () => {
    expect(brokenRowIdRule('a\tb', false)).toMatch(/control characters/);
    expect(brokenRowIdRule('a'.repeat(200), false)).toBeUndefined();
    expect(brokenRowIdRule('a'.repeat(201), false)).toMatch(/at most 200/);
  });
});

describe('the ids of a sheet', () => {
  test('number the images of one record from 1, and leave a single image unnumbered', () => {
    const ids = new RowIds();
    expect(ids.give(request('p', 2, 'fox', 3))).toEqual({
      kind: 'given',
      base: 'fox',
      rowIds: ['fox~1', 'fox~2', 'fox~3'],
    });
    expect(ids.give(request('p', 3, 'owl'))).toMatchObject({ rowIds: ['owl'] });
  });

  test('number identical records without ids', () => {
    const ids = new RowIds();
    const base = derivedRowId('fox', hashOf('fox'));
    expect(ids.give(request('fox', 2))).toEqual({ kind: 'given', base, rowIds: [base] });
    expect(ids.give(request('fox', 3))).toMatchObject({ rowIds: [`${base}~d2`] });
    expect(ids.give(request('fox', 4, undefined, 2))).toMatchObject({
      base: `${base}~d3`,
      rowIds: [`${base}~d3~1`, `${base}~d3~2`],
    });
  });

  test('stay unique if a row’s own id looks like a derived one', () => {
    const ids = new RowIds();
    const base = derivedRowId('fox', hashOf('fox'));
    ids.give(request('something else', 2, base));
    expect(ids.give(request('fox', 3))).toEqual({
      kind: 'given',
      base: `${base}~d2`,
      rowIds: [`${base}~d2`],
    });
    expect(ids.give(request('fox', 4))).toMatchObject({ rowIds: [`${base}~d3`] });
  });

  test('refuse an id that is already used, naming its line', () => {
    const ids = new RowIds();
    ids.give(request('a', 2, 'fox'));
    expect(ids.give(request('b', 9, 'fox', 4))).toEqual({ kind: 'taken', rowId: 'fox', firstLine: 2 });
  });

  test('are not taken by a rejected record', () => {
    const ids = new RowIds();
    ids.give(request('a', 2, 'fox~2'));
    expect(ids.give(request('b', 3, 'fox', 2))).toEqual({ kind: 'taken', rowId: 'fox~2', firstLine: 2 });
    expect(ids.give(request('c', 4, 'fox~1'))).toMatchObject({ rowIds: ['fox~1'] });
  });

  test('are unique, and the same again for the same sheet', () => {
    const word = fc.constantFrom('a', 'b', 'ж');
    const id = fc.option(fc.constantFrom('a', 'b', 'a~1', 'a~d2', derivedRowId('a', hashOf('a'))), {
      nil: undefined,
    });
    const record = fc.record({ prompt: word, id, count: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 30 }), (records) => {
        const give = () => {
          const ids = new RowIds();
          return records.flatMap(({ prompt, id, count }, index) => {
            const answer = ids.give(request(prompt, index + 2, id, count));
            return answer.kind === 'given' ? answer.rowIds : [];
          });
        };
        const given = give();
        expect(new Set(given).size).toBe(given.length);
        expect(give()).toEqual(given);
      }),
    );
  });

  test('stay fast and unique with many repeats and many ids', () => {
    const ids = new RowIds();
    const given = new Set<string>();
    for (let index = 0; index < 30_000; index += 1) {
      const answer = ids.give(request(index % 2 === 0 ? 'same' : `prompt ${index}`, index + 2));
      if (answer.kind === 'given') for (const rowId of answer.rowIds) given.add(rowId);
    }
    expect(given.size).toBe(30_000);
    expect(given).toContain(`${derivedRowId('same', hashOf('same'))}~d15000`);
  });
});
