import { describe, expect, test } from 'vitest';
import { parseModel } from '../../../../src/sheet/index.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

/** The rejection of one record below a header, by column, value and rule. */
async function rejection(header: string, record: string, settings = {}) {
  const { rows, rejected } = await readWholeSheet(
    `${header}\n${record}\nfine${','.repeat(header.split(',').length - 1)}\n`,
    settings,
  );
  expect(rows).toHaveLength(1);
  expect(rejected).toHaveLength(1);
  return rejected[0];
}

describe('a record is rejected, and the others continue,', () => {
  test('if its prompt is blank', async () => {
    for (const blank of ['', '   ', '\u3000']) {
      expect(await rejection('prompt,style', `"${blank}",x`)).toMatchObject({
        line: 2,
        column: 'prompt',
        rule: 'the prompt is blank',
        record: { prompt: blank, style: 'x' },
      });
    }
  });

  test('if its prompt is longer than 32,000 characters, which is shown shortened', async () => {
    const rejected = await rejection('prompt,style', `${'🦊'.repeat(32_001)},x`);
    expect(rejected).toMatchObject({ column: 'prompt', rule: 'a prompt may have at most 32000 characters' });
    expect(rejected?.value.length).toBeLessThanOrEqual(200);
    expect(rejected?.value).not.toMatch(/\p{Surrogate}/u);
    expect((await readWholeSheet(`prompt\n${'🦊'.repeat(32_000)}\n`)).rows).toHaveLength(1);
  });

  test('if its model is unknown', async () => {
    expect(await rejection('prompt,Engine', 'a,dall-e', { map: { model: 'engine' } })).toMatchObject({
      column: 'Engine',
      value: 'dall-e',
      rule: 'model must be nb (NanoBanana), nb2 (NanoBanana 2) or pro (NanoBanana Pro)',
    });
  });

  test('if its model does not support its aspect ratio', async () => {
    expect(await rejection('prompt,model,aspect_ratio', 'a,nb,1:4')).toMatchObject({
      column: 'aspect_ratio',
      value: '1:4',
      rule: expect.stringMatching(/^aspect_ratio of NanoBanana must be one of 1:1 .*21:9 from_prompt$/),
    });
    expect((await readWholeSheet('prompt,model,aspect_ratio\na,nb2,1:4\n')).rows).toHaveLength(1);
  });

  test('if it has the ratio auto without input images', async () => {
    expect(await rejection('prompt,aspect_ratio', 'a,auto')).toMatchObject({
      rule: expect.stringContaining('auto needs input images'),
    });
  });

  test('if a spreadsheet turned its aspect ratio into a time', async () => {
    expect(await rejection('prompt,aspect_ratio', 'a,16:09:00')).toMatchObject({
      rule: expect.stringContaining('format the column as text'),
    });
  });

  test('if it requests more than 1K from NanoBanana', async () => {
    expect(await rejection('prompt,model,resolution', 'a,nb,2K')).toMatchObject({
      column: 'resolution',
      value: '2K',
      rule: 'resolution of NanoBanana must be 1K; leave it blank, or use nb2 or pro',
    });
  });

  test('if its resolution is unknown', async () => {
    expect(await rejection('prompt,resolution', 'a,8K')).toMatchObject({
      rule: 'resolution of NanoBanana Pro must be 1K, 2K or 4K',
    });
  });

  test.each(['0', '-1', '1.5', '1001', '1.000', 'two', '1e2'])('if its count is %s', async (count) => {
    expect(await rejection('prompt,count', `a,${count}`)).toMatchObject({
      column: 'count',
      value: count,
      rule: 'count must be a whole number from 1 to 1000',
    });
  });

  test('if its id breaks a rule', async () => {
    expect(await rejection('prompt,id', 'a,x~1')).toMatchObject({
      column: 'id',
      rule: expect.stringContaining('reserved'),
    });
    expect(await rejection('prompt,id', 'a,"x\ny"')).toMatchObject({
      rule: expect.stringContaining('control characters'),
    });
    expect(await rejection('prompt,id', `a,${'x'.repeat(201)}`)).toMatchObject({
      rule: 'an id must have at most 200 characters',
    });
  });

  test('if its id is used above, naming both lines', async () => {
    const { rows, rejected } = await readWholeSheet('prompt,id\na,fox\n\n"b\nc", fox \nd,owl\n');
    expect(rows.map((row) => row.rowId)).toEqual(['fox', 'owl']);
    expect(rejected).toMatchObject([
      {
        line: 4,
        column: 'id',
        value: 'fox',
        rule: 'id "fox" is used twice (lines 2 and 4). Change one of them',
      },
    ]);
  });

  test('if it has more non-blank fields than the header; missing ones are blank', async () => {
    const { rows, rejected } = await readWholeSheet('prompt,style\na,x\nb, c, y\nd\ne,z,, \n');
    expect(rows.map(({ prompt, labels }) => [prompt, labels])).toEqual([
      ['a', { style: 'x' }],
      ['d', { style: '' }],
      ['e', { style: 'z' }],
    ]);
    expect(rejected).toMatchObject([
      {
        line: 3,
        value: '3',
        rule: '3 fields, but the header has 2. Put text that contains the delimiter in quotes',
        record: { prompt: 'b', style: ' c', column_3: ' y' },
      },
    ]);
  });
});

describe('settings', () => {
  test('come from the defaults if a cell is blank', async () => {
    const { rows } = await readWholeSheet('prompt,model,aspect_ratio,resolution\na,,,\n', {
      defaults: { model: 'nb2', aspectRatio: '9:16', resolution: '4K' },
    });
    expect(rows).toMatchObject([{ model: 'nb2', aspectRatio: '9:16', resolution: '4K' }]);
  });

  test('are NanoBanana Pro, 1:1 and 1K by default', async () => {
    expect((await readWholeSheet('prompt\na\n')).rows).toMatchObject([
      { model: 'pro', aspectRatio: '1:1', resolution: '1K', inputImages: [], position: 0, line: 2 },
    ]);
  });

  test('give NanoBanana 1K, whatever the default resolution', async () => {
    const { rows, rejected } = await readWholeSheet('prompt,model,resolution\na,nb,\nb,nb,1k\nc,pro,\n', {
      defaults: { resolution: '2K' },
    });
    expect(rejected).toEqual([]);
    expect(rows.map((row) => row.resolution)).toEqual(['1K', '1K', '2K']);
  });

  test('ignore letter case and spaces', async () => {
    const { rows } = await readWholeSheet(
      'prompt,model,aspect_ratio,resolution\na, NanoBanana 2 , 16 : 9 , 4k \n',
    );
    expect(rows).toMatchObject([{ model: 'nb2', aspectRatio: '16:9', resolution: '4K' }]);
  });

  test.each([
    ['nb', 'nb'],
    ['NanoBanana', 'nb'],
    ['nano-banana', 'nb'],
    ['NB2', 'nb2'],
    ['Nano Banana 2', 'nb2'],
    ['nano-banana-2', 'nb2'],
    ['Pro', 'pro'],
    ['NanoBanana Pro', 'pro'],
    ['nano_banana_pro', 'pro'],
    ['nb3', undefined],
    ['', undefined],
  ])('accept the model %s', (text, model) => {
    expect(parseModel(text)).toBe(model);
  });
});

describe('rows', () => {
  test('are as many as count says, with their own ids and positions and the same content', async () => {
    const sheet = 'prompt,id,count\na,fox,2.0\nb,," "\nc,owl,1\n';
    const { rows } = await readWholeSheet(sheet, { imagesPerPrompt: 2 });
    expect(rows.map((row) => row.rowId.replace(/[0-9a-f]{12}/, 'HASH'))).toEqual([
      'fox~1',
      'fox~2',
      'b-HASH~1',
      'b-HASH~2',
      'owl',
    ]);
    expect(rows.map((row) => row.position)).toEqual([0, 1, 2, 3, 4]);
    expect(rows[0]?.contentHash).toBe(rows[1]?.contentHash);
    expect(rows[0]?.imageName).toBe('fox~1');
  });

  test('that repeat an earlier one are marked, unless they have ids', async () => {
    const { rows, repeats } = await readWholeSheet('prompt,id,style\na,,x\na,,y\na,own,z\nb,,x\n');
    expect(repeats).toEqual([undefined, 2, undefined, undefined]);
    expect(rows[1]?.rowId).toBe(`${rows[0]?.rowId}~d2`);
    expect(rows[1]?.labels).toEqual({ style: 'y' });
  });

  test('of a sheet with only rejected records are none, without an error', async () => {
    const { rows, rejected } = await readWholeSheet('prompt,count\na,0\nb,x\n');
    expect([rows.length, rejected.length]).toEqual([0, 2]);
  });
});
