import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

const lines = (rows: readonly { line: number }[]) => rows.map((row) => row.line);

const tableRows = (rows: readonly { line: number; tableRow?: number }[]) =>
  rows.map(({ line, tableRow = line }) => tableRow);

describe('table rows as spreadsheets count them', () => {
  test('are recorded after line breaks within cells', async () => {
    const text = 'prompt,"style\nof it"\na,x\n"b\r\nc\n",x\n\n,\nd,x,too much\ne,x\n';
    const { rows, rejected } = await readWholeSheet(text);
    expect(lines(rows)).toEqual([3, 4, 10]);
    expect(tableRows(rows)).toEqual([2, 3, 7]);
    expect(rejected).toMatchObject([{ line: 9, tableRow: 6 }]);
  });

  test('are not recorded if equal to the lines', async () => {
    const { rows } = await readWholeSheet('prompt,style\n\na,x\n,\n"b\nc",x\n');
    expect(rows.map(({ line, tableRow }) => [line, tableRow])).toEqual([
      [3, undefined],
      [5, undefined],
    ]);
  });

  test('do not count the sep= line, which spreadsheets hide', async () => {
    const { rows } = await readWholeSheet('sep=;\nprompt;style\na;x\n');
    expect(rows).toMatchObject([{ line: 3, tableRow: 2 }]);
  });
});

describe('line numbers', () => {
  test('are those of the first line of a record, after quoted line breaks and blank lines', async () => {
    const { rows } = await readWholeSheet('prompt,style\n"a\nb\n\nc",x\n\n\nd,y\n"e\n",z\nf,w\n');
    expect(lines(rows)).toEqual([2, 8, 9, 11]);
  });

  test('are right with CRLF inside quotes', async () => {
    const { rows } = await readWholeSheet('prompt,style\r\n"a\r\nb\r\nc",x\r\n\r\nd,y\r\n');
    expect(lines(rows)).toEqual([2, 6]);
    expect(rows[0]?.prompt).toBe('a\r\nb\r\nc');
  });

  test('do not depend on chunk boundaries', async () => {
    const text = 'sep=;\r\nprompt;style\r\n"né ""q""\r\nb";x\r\n\r\nd;y\r"e\n";z\n猫;w';
    const whole = await readWholeSheet(text);
    expect(lines(whole.rows)).toEqual([3, 6, 7, 9]);
    for (let size = 1; size < 12; size += 1) {
      expect(await readWholeSheet(text, {}, 'sheet.csv', size)).toEqual(whole);
    }
  });

  test('equal the number of line breaks before the record, for any table', async () => {
    const cell = fc.constantFrom('a', 'b\nc', 'd\r\ne', '\r', 'x"y', 'plain');
    const record = fc.record({
      cells: fc.tuple(cell, cell),
      end: fc.constantFrom('\n', '\r\n', '\n\n', '\r\n\r\n'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 8 }), async (records) => {
        let text = 'prompt,style\n';
        const expected: number[] = [];
        for (const { cells, end } of records) {
          const written = cells.map((value) => `"${value.replaceAll('"', '""')}"`).join(',');
          if (cells[0].trim() !== '' || cells[1].trim() !== '')
            expected.push(text.split(/\r\n|\n|\r/).length);
          text += `${written}${end}`;
        }
        fc.pre(expected.length > 0);
        const { rows, rejected } = await readWholeSheet(text);
        expect([...lines(rows), ...lines(rejected)].sort((a, b) => a - b)).toEqual(expected);
      }),
    );
  });
});

test('quotes within an unquoted field are text', async () => {
  const { rows } = await readWholeSheet(
    'prompt,style\nthe 5" nail,a "b"\n"""q"" r","""s"""\n',
    {},
    's.csv',
    3,
  );
  expect(rows.map((row) => [row.prompt, row.labels])).toEqual([
    ['the 5" nail', { style: 'a "b"' }],
    ['"q" r', { style: '"s"' }],
  ]);
});

describe('line breaks', () => {
  test('may be CRLF in the header and LF below it', async () => {
    const { rows } = await readWholeSheet('prompt,style\r\na,x\nb,y\n');
    expect(rows.map((row) => [row.prompt, row.labels])).toEqual([
      ['a', { style: 'x' }],
      ['b', { style: 'y' }],
    ]);
  });

  test('may be lone carriage returns, as old spreadsheets write', async () => {
    const { rows } = await readWholeSheet('prompt,style\ra,x\rb,y\r', {}, 'sheet.csv', 3);
    expect(rows.map((row) => [row.line, row.prompt])).toEqual([
      [2, 'a'],
      [3, 'b'],
    ]);
  });

  test('may be missing at the end', async () => {
    expect((await readWholeSheet('prompt\na\nb')).rows).toHaveLength(2);
  });
});

describe('blank rows', () => {
  test('are skipped, whether empty or only delimiters and spaces', async () => {
    const { rows, rejected } = await readWholeSheet('\n\nprompt,style\n\na,x\n,\n  , \n,,,,\nb,y\n\n\n');
    expect(lines(rows)).toEqual([5, 9]);
    expect(rejected).toEqual([]);
  });
});

describe('a broken file', () => {
  test('with an unclosed quote stops at the line where it opened', async () => {
    const text = `prompt,style\na,x\n"b,y\n${'c,z\n'.repeat(1000)}`;
    await expect(readWholeSheet(text)).rejects.toMatchObject({
      code: 'quote-not-closed',
      line: 3,
      message: expect.stringMatching(
        /^sheet\.csv, line 3: a quote that opens in this record is never closed.*Close it/,
      ),
    });
  });

  test('with an unclosed quote before a later quote stops at the line where it opened', async () => {
    await expect(readWholeSheet('prompt,style\na,x\n"b,y\nc,"z"\nd,w\n')).rejects.toMatchObject({
      code: 'broken-quote',
      line: 3,
      message: expect.stringContaining('Put the whole text in quotes'),
    });
  });

  test.each([
    ['with text after its closing quote', 'prompt,style\na,x\n\n"GIGGLE" in red,y\n'],
    ['with spaces before it, and a comma in it', 'prompt,style\na,x\n\nb, "red, blue"\n'],
  ])('with a quoted field %s stops at its line', async (_, text) => {
    await expect(readWholeSheet(text)).rejects.toMatchObject({ code: 'broken-quote', line: 4 });
  });

  test('with an unclosed quote in a huge file stops by size at the line where it opened', async () => {
    const text = `prompt,style\na,x\n"b,y\n${'c is a long enough prompt,z\n'.repeat(60_000)}`;
    await expect(readWholeSheet(text)).rejects.toMatchObject({
      code: 'record-too-large',
      line: 3,
      message: expect.stringContaining('a quote in it is never closed'),
    });
  });

  test('returns the valid rows before the fault if requested', async () => {
    const seen: string[] = [];
    const { readSheet, SheetSettings } = await import('../../../../src/sheet/index.js');
    const { chunks } = await import('../../../support/read-whole-sheet.js');
    const read = async () => {
      const sheet = readSheet(chunks('prompt\na\nb\n"c\n', 65_536), SheetSettings.parse({}), {
        name: 's.csv',
      });
      for await (const item of sheet) if (item.kind === 'row') seen.push(item.row.prompt);
    };
    await expect(read()).rejects.toMatchObject({ code: 'quote-not-closed', line: 4 });
    expect(seen).toEqual(['a', 'b']);
  });

  test.each([
    ['an empty file', ''],
    ['a file of blank lines', '\n\r\n  \n'],
    ['a byte-order mark alone', '\uFEFF'],
    ['a header alone', 'prompt,style\n'],
    ['a header above blank rows', 'prompt,style\n,\n\n'],
  ])('is %s, which has no rows', async (_, text) => {
    await expect(readWholeSheet(text)).rejects.toMatchObject({
      code: 'no-rows',
      message: expect.stringMatching(
        /^sheet\.csv: it has no rows\. Expected a header line with a "prompt" column/,
      ),
    });
  });
});

test('one large field among 117,000 rows loses no row', async () => {
  const rows = Array.from({ length: 117_000 }, (_, index) => `prompt ${index},s`);
  rows[100] = `${'x'.repeat(5000)},s`;
  rows[200] = `${'y'.repeat(50_000)},s`;
  const sheet = await readWholeSheet(`prompt,style\n${rows.join('\n')}\n`);
  expect(sheet.rows).toHaveLength(116_999);
  expect(sheet.rows.at(-1)).toMatchObject({ prompt: 'prompt 116999', line: 117_001, position: 116_998 });
  expect(sheet.rejected).toMatchObject([{ line: 202, rule: 'a prompt may have at most 32000 characters' }]);
});

describe('tab-separated text', () => {
  test('keeps bare quotes as text, inside a field and at its start', async () => {
    const { rows, header } = await readWholeSheet(
      'Prompt\tNote\nthe word "PEACE"\t5" nail\n"GIGGLE" in thick letters\tok\n',
      {},
      'parti.tsv',
    );
    expect(header).toMatchObject({ format: 'tsv', delimiter: '\t' });
    expect(rows.map((row) => row.prompt)).toEqual(['the word "PEACE"', '"GIGGLE" in thick letters']);
    expect(rows[0]?.labels).toEqual({ Note: '5" nail' });
  });

  test('may have quoted fields with tabs, quotes and line breaks', async () => {
    const { rows } = await readWholeSheet('prompt\tnote\n"a\tb\n""c"""\t"""x\ny"""\nd\te\n', {}, 'sheet.tsv');
    expect(rows.map((row) => [row.line, row.prompt, row.labels])).toEqual([
      [2, 'a\tb\n"c"', { note: '"x\ny"' }],
      [5, 'd', { note: 'e' }],
    ]);
  });

  test('stops if an opening quote spans the next lines', async () => {
    await expect(
      readWholeSheet('prompt\tnote\na\tb\n"open text\tb\nc "d" e\tf\n', {}, 'sheet.tsv'),
    ).rejects.toMatchObject({ code: 'broken-quote', line: 3 });
  });
});
