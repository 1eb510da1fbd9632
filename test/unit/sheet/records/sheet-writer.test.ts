import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvChunks, type CsvCells } from '../../../../src/sheet/index.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

async function written(
  columns: readonly string[],
  records: Iterable<CsvCells>,
  delimiter = ',',
): Promise<string> {
  let text = '';
  for await (const chunk of csvChunks(columns, records, delimiter)) text += chunk;
  return text;
}

async function* manyRecords(): AsyncGenerator<CsvCells> {
  for (let index = 0; index < 1001; index += 1) yield { prompt: `p${index}` };
}

describe('a written CSV', () => {
  test('starts with a byte-order mark and the header, and leaves missing values empty', async () => {
    const text = await written(
      ['prompt', 'a;b', 'toString'],
      [{ prompt: 'x "y"' }, { prompt: null, 'a;b': 'z;' }],
      ';',
    );
    expect(text).toBe('\uFEFFprompt;"a;b";toString\n"x ""y""";;\n;"z;";\n');
  });

  test('has JSON for values that are not text', async () => {
    const text = await written(['a', 'b', 'c', 'd'], [{ a: 1.5, b: true, c: ['x'], d: { y: null } }]);
    expect(text).toBe('\uFEFFa,b,c,d\n1.5,true,"[""x""]","{""y"":null}"\n');
  });

  test('leaves texts that look like formulas unchanged', async () => {
    expect(await written(['a', 'b'], [{ a: '=1+1', b: '@x' }])).toBe('\uFEFFa,b\n=1+1,@x\n');
  });

  test('reads back as it was, with any content', async () => {
    const label = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc
        .array(fc.constantFrom('"', '\n', '\r', '\r\n', ',', ';', '\t', ' ', '=', '\uFEFF', 'é', '🦊', 'x'))
        .map((parts) => parts.join('')),
    );
    const record = fc.record({
      prompt: label.map((text) => `p${text.replaceAll('\0', '')}`),
      one: label,
      two: label,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.integer({ min: 1, max: 30 }),
        async (records, delimiter, chunkBytes) => {
          const text = await written(['prompt', 'one', 'two'], records, delimiter);
          const sheet = await readWholeSheet(
            text,
            delimiter === '|' ? { delimiter } : {},
            's.csv',
            chunkBytes,
          );
          expect(sheet.header?.delimiter).toBe(delimiter);
          expect(sheet.rejected).toEqual([]);
          expect(sheet.rows.map((row) => [row.prompt, row.labels])).toEqual(
            records.map(({ prompt, one, two }) => [prompt, { one, two }]),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('streams more records than fit a chunk completely and in order', async () => {
    let chunks = 0;
    let text = '';
    for await (const chunk of csvChunks(['prompt'], manyRecords(), ',')) {
      chunks += 1;
      text += chunk;
    }
    expect(chunks).toBeGreaterThan(5);
    const { rows } = await readWholeSheet(text);
    expect(rows.map((row) => row.prompt)).toEqual(Array.from({ length: 1001 }, (_, index) => `p${index}`));
  });
});

test('a rejected record can be written, fixed and read again', async () => {
  const { rejected } = await readWholeSheet('prompt;model;note\n"a; ""b""";dall-e;"x\ny"\n');
  const record = rejected[0]?.record ?? {};
  const text = await written(
    [...Object.keys(record), 'reject_rule'],
    [{ ...record, model: 'pro', reject_rule: 'r' }],
    ';',
  );
  expect((await readWholeSheet(text)).rows).toMatchObject([
    { prompt: 'a; "b"', model: 'pro', labels: { note: 'x\ny' } },
  ]);
});

describe('labels of JSON Lines in our reports', () => {
  const labels = {
    tags: ['x', { y: null }],
    looks: '["like JSON"]',
    digits: '12345678901234567890',
    size: 2.5,
    ok: false,
    nothing: null,
    empty: '',
  };
  const columns = ['id', 'prompt', ...Object.keys(labels), 'late', 'failure_kind', 'failure_json'];

  test('read back with their types, including missing ones', async () => {
    const text = await written(columns, [
      { id: 'a', prompt: 'p', ...labels, failure_kind: 'flaky' },
      { id: 'b', prompt: 'q', looks: 'text', failure_kind: 'refused' },
    ]);
    const { rows } = await readWholeSheet(text);
    expect(rows.map((row) => row.labels)).toEqual([labels, { looks: 'text' }]);
  });

  test('are text if a person has replaced them by text', async () => {
    const text = await written(
      ['prompt', 'tags', 'reject_rule', 'reject_json'],
      [{ prompt: ['p'], tags: [1], reject_rule: 'r' }],
    );
    expect(text).toContain('\n"[""p""]",[1],r,"[""prompt"",""tags""]"\n');
    const mended = text.replace('"[""p""]"', 'a fox').replace('[1]', 'one');
    expect((await readWholeSheet(mended)).rows).toMatchObject([{ prompt: 'a fox', labels: { tags: 'one' } }]);
  });

  test('are text in a sheet that is not our report', async () => {
    const { rows } = await readWholeSheet('prompt,tags,failure_json\na,[1],"[""tags""]"\n');
    expect(rows[0]?.labels).toEqual({ tags: '[1]' });
  });
});
