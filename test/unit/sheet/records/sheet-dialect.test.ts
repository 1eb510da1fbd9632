import { describe, expect, test } from 'vitest';
import { mostLikelyDelimiter } from '../../../../src/sheet/records/dialect.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

describe('the delimiter', () => {
  test.each([
    ['comma', 'prompt,style\na,x\n', ','],
    ['semicolon', 'prompt;style\n"a, b, c";x\n', ';'],
    ['tab', 'prompt\tstyle\na, b\tx\n', '\t'],
    ['semicolon beside commas in quotes', '"prompt, in full, English";prompt\na;b\n', ';'],
    ['comma for a single column', 'prompt\na\n', ','],
    ['the one of a sep= line', 'sep=|\nprompt|style;x,y\na|b\n', '|'],
    ['the one of a quoted sep= line with CRLF', '"sep=;"\r\nprompt;a,b,c\r\nd;e\r\n', ';'],
  ])('is detected: %s', async (_, text, delimiter) => {
    const { header, rows, rejected } = await readWholeSheet(text);
    expect(header?.delimiter).toBe(delimiter);
    expect(rows).toHaveLength(1);
    expect(rejected).toEqual([]);
  });

  test.each([
    ['a header with more of another one', 'prompt;size, w, h\na, b;1\nc;2\n', ';'],
    ['a header with as many of another one', 'prompt;size, cm\n"a, b; c";1\nd, e, f;2\n', ';'],
    ['a header by which all separate alike', 'prompt,a;b\nx,c;d\n', ','],
    ['records of which some are broken by all', 'prompt,a;b,c\nx,1;2\ny\n', ','],
    ['a quoted cell that goes past the beginning', `prompt,a;b\n"${'x,;\n'.repeat(5000)}",c;d\n`, ','],
    ['a first column without a name', '\tprompt\n0\ta, b\n1\tc\n', '\t'],
  ])('splits the first records into as many fields as the header: %s', async (_, text, delimiter) => {
    expect(mostLikelyDelimiter(text, true)).toBe(delimiter);
  });

  test('is detected from complete records if the sample ends within one', () => {
    const beginning = `id;prompt;tags (a, b, c, d)\n${'1;a fox, in snow;x\n2;a cat;y\n'.repeat(3)}3;"a dog\n`;
    expect(mostLikelyDelimiter(beginning, false)).toBe(';');
    expect(mostLikelyDelimiter(beginning.slice(0, beginning.indexOf('3;') + 1), false)).toBe(';');
  });

  test('is none if the header has none: commas in the prompts are text', async () => {
    const sheet = 'Prompt\na fox, in snow\n"a cat, ""asleep"""\n,\n  ,,\na dog; old\tand grey\n';
    const { header, rows, rejected } = await readWholeSheet(sheet);
    expect(rows.map(({ line, prompt }) => [line, prompt])).toEqual([
      [2, 'a fox, in snow'],
      [3, 'a cat, "asleep"'],
      [6, 'a dog; old\tand grey'],
    ]);
    expect(rejected).toEqual([]);
    expect(header).toMatchObject({ format: 'csv', delimiter: ',' });
    expect((await readWholeSheet(sheet, { delimiter: ',' })).rejected).toHaveLength(1);
  });

  test('is what --delimiter says, whatever the content', async () => {
    const { header, rows } = await readWholeSheet('prompt;a,b,c\nx;1,2,3\n', { delimiter: ';' });
    expect(header?.columns).toEqual(['prompt', 'a,b,c']);
    expect(rows[0]?.labels).toEqual({ 'a,b,c': '1,2,3' });
  });

  test('cannot be a quote, a line break or a word', async () => {
    for (const delimiter of ['"', '\n', 'ab', '']) {
      await expect(readWholeSheet('prompt\na\n', { delimiter })).rejects.toThrow(
        /delimiter must be one character/,
      );
    }
  });
});

describe('the format', () => {
  test.each([
    ['sheet.csv', 'prompt\na\n', 'csv'],
    ['SHEET.TSV', 'prompt\tx\na\tb\n', 'tsv'],
    ['sheet.csv', 'prompt\tx\na\tb\n', 'tsv'],
    ['sheet.jsonl', '{"prompt":"a"}\n', 'jsonl'],
    ['sheet.ndjson', '{"prompt":"a"}\n', 'jsonl'],
    ['SHEET.TSV.GZ', 'prompt\na\n', 'tsv'],
    ['s3://bucket/sheet.jsonl.gz', '{"prompt":"a"}\n', 'jsonl'],
    ['-', '\n {"prompt":"a"}\n', 'jsonl'],
    ['-', 'prompt;x\na;b\n', 'csv'],
    ['https://user:pw@host.example/x.tsv?token=secret', 'prompt\na\n', 'tsv'],
  ])('of %s is detected from name and content', async (name, text, format) => {
    expect((await readWholeSheet(text, {}, name)).header?.format).toBe(format);
  });

  test('is what --format says', async () => {
    expect((await readWholeSheet('{"prompt":"a"}\n', { format: 'jsonl' }, 'data.csv')).rows).toHaveLength(1);
  });

  test('of a web page is refused without the secrets of its URL', async () => {
    const page = '\n<!DOCTYPE html>\n<html><body>Sign in</body></html>';
    await expect(
      readWholeSheet(page, {}, 'https://user:p@w@docs.example/sheet.csv?token=secret'),
    ).rejects.toMatchObject({
      code: 'html-page',
      message: expect.stringMatching(
        /^https:\/\/docs\.example\/sheet\.csv: it is a web page, not a sheet\. .*export/,
      ),
    });
  });

  test('of one JSON array is not JSON Lines, and the message shows how to convert it', async () => {
    for (const name of ['sheet.jsonl', 'sheet.json']) {
      await expect(readWholeSheet('[{"prompt":"a"}]', {}, name)).rejects.toMatchObject({
        code: 'bad-json',
        message: expect.stringContaining("jq -c '.[]'"),
      });
    }
  });
});
