import { describe, expect, test } from 'vitest';
import { isScientific, plainNumber, rewrittenAs } from '../../../../src/sheet/cells/rewritten-id.js';
import { formerRowId, presentRowId } from '../../../../src/domain/identity/row-id.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

describe('an id rewritten by a spreadsheet', () => {
  test.each([
    ['4.00638E+12', 'a number'],
    ['4,00638E+12', 'a number'],
    ['1E+05', 'a number'],
    ['-1.2e-7', 'a number'],
    ['486931900300.0', 'a number'],
    ['4.006.381.333.931', 'a number'],
    ['4006381333931000000', 'a number'],
    ['2026-04-03', 'a date'],
    ['3/4/2026', 'a date'],
    ['03.04.26', 'a date'],
    ['04-Mrz', 'a date'],
    ['Mar-04', 'a date'],
    ['16:09', 'a date'],
  ])('is recognized by its shape: %s', (id, as) => expect(rewrittenAs(id)).toBe(as));

  test.each([
    'SF-001',
    '00042',
    '418567788576',
    'aa3b4d246900',
    'row-418567788576',
    '4006381333931',
    'a.b',
    'e+5',
  ])('is not %s', (id) => expect(rewrittenAs(id)).toBeUndefined());

  test('in scientific notation has a sign, which ids of hex digits lack', () => {
    expect(isScientific('4.86932E+14')).toBe(true);
    expect(isScientific('4869319003e2')).toBe(false);
  });

  test.each([
    ['007', '7'],
    ['4869319003e2', '486931900300'],
    ['1.50', '1.5'],
    ['+5', '5'],
    ['418567788576', '418567788576'],
  ])('is the number of %s: %s', (id, number) => expect(plainNumber(id)).toBe(number));

  test.each(['SF-001', '1-2', '', 'e5', '0x10', 'Infinity'])('has no number in %j', (id) =>
    expect(plainNumber(id)).toBeUndefined(),
  );
});

describe('a generated id of digits alone', () => {
  test('starts with row-, and all others are unchanged', async () => {
    const prompts = ['画一只狐猫木', '画一只狐金雨', '画一只狐云土', '画一只狐狸', 'a fox'];
    const { rows } = await readWholeSheet(`prompt\n${prompts.join('\n')}\n${prompts[0]}\n`);
    const [first, second, third, fourth, fifth, repeat] = rows.map(({ rowId }) => rowId as string);
    expect(first).toBe('row-418567788576');
    expect(second).toBe('4869319003e2');
    expect(third).toMatch(/^(?:row-\d{12}|(?!\d{12}$)[0-9a-f]{12})$/);
    expect(fourth).toBe('aa3b4d246900');
    expect(fifth).toMatch(/^a-fox-[0-9a-f]{12}$/);
    expect(repeat).toBe('row-418567788576~d2');
  });

  test('and its former id lead to each other, also for repeats and several images', () => {
    for (const suffix of ['', '~d2', '~3', '~d2~3']) {
      expect(formerRowId(`row-418567788576${suffix}`)).toBe(`418567788576${suffix}`);
      expect(presentRowId(`418567788576${suffix}`)).toBe(`row-418567788576${suffix}`);
    }
    for (const other of ['row-4869319003e2', 'row-12', 'fox', '418567788576']) {
      expect(formerRowId(other)).toBeUndefined();
    }
    expect(presentRowId('4869319003e2')).toBeUndefined();
  });

  test('draws the choices of its template as under the former id', async () => {
    const settings = { template: '{{红,蓝,绿,白}}的{{n}}', imagesPerPrompt: 8 };
    const numbers = Array.from({ length: 2_000 }, (_, index) => String.fromCodePoint(0x4e00 + index));
    const { rows } = await readWholeSheet(`n\n${numbers.join('\n')}\n`, settings);
    const made = rows.find(({ rowId }) => rowId.startsWith('row-'));
    expect(made?.rowId).toMatch(/^row-\d{12}~1$/);
    const { line = 0 } = made ?? {};
    const former = made?.rowId.slice('row-'.length, -'~1'.length);
    const before = await readWholeSheet(`id,n\n${former},${numbers[line - 2]}\n`, settings);
    const contents = (of: typeof rows) => of.map(({ contentHash, prompt }) => [contentHash, prompt]);
    expect(contents(rows.filter((row) => row.line === line))).toEqual(contents(before.rows));
  });
});

describe('a sheet rewritten by a spreadsheet', () => {
  test('has rows with numbers as ids rejected, with advice', async () => {
    const { rows, rejected } = await readWholeSheet(
      'id,prompt\n4.00638E+12,a red mug\n4.00638E+12,a blue mug\n4006381333931,a cup\n',
    );
    expect(rows.map(({ rowId }) => rowId)).toEqual(['4006381333931']);
    for (const { column, rule } of rejected) {
      expect(column).toBe('id');
      expect(rule).toContain('format the column as text');
    }
    expect(rejected).toHaveLength(2);
  });

  test.each([
    ['0.672916667', 'turned it into a time'],
    ['0,375', 'turned it into a time'],
    ['16:09', 'turned it into a time'],
    ['16:9:00', 'turned it into a time'],
    ['2026-04-03', 'turned it into a date'],
    ['4/3/2026', 'turned it into a date'],
  ])('explains an aspect ratio of %s', async (ratio, why) => {
    const { rejected } = await readWholeSheet(`prompt;aspect_ratio\na cat;${ratio}\n`);
    expect(rejected[0]?.rule).toContain(why);
    expect(rejected[0]?.rule).toContain('format the column as text');
  });
});
