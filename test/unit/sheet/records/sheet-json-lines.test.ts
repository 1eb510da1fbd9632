import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../../src/sheet/records/parse-json-lines.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

const read = (text: string, settings = {}, chunkBytes = 65_536) =>
  readWholeSheet(text, settings, 'sheet.jsonl', chunkBytes);

const nested = (levels: number) => `{"prompt":"a","x":${'['.repeat(levels)}${']'.repeat(levels)}}\n`;

describe('JSON Lines', () => {
  test('have one object per line, exact line numbers, and labels of any type', async () => {
    const text =
      '\uFEFF\n{"Prompt":"a fox","id":7,"tags":["x",{"y":null}],"ok":true}\r\n\r\n{"prompt":"b 猫","count":2,"late":1}\n   \n{"prompt":"c"}';
    const expected = [
      { line: 2, rowId: '7', prompt: 'a fox', labels: { tags: ['x', { y: null }], ok: true } },
      { line: 4, prompt: 'b 猫', labels: { late: 1 } },
      { line: 4, prompt: 'b 猫', labels: { late: 1 } },
      { line: 6, prompt: 'c', labels: {} },
    ];
    for (const size of [1, 4, 65_536]) {
      const { rows, header } = await read(text, {}, size);
      expect(rows).toMatchObject(expected);
      expect(header).toMatchObject({
        format: 'jsonl',
        delimiter: ',',
        columns: ['Prompt', 'id', 'tags', 'ok', 'count', 'late'],
        labelColumns: ['tags', 'ok', 'late'],
        isFailures: false,
        isRejects: false,
      });
    }
  });

  test('stop at a line that is not one object', async () => {
    for (const broken of [
      '{"prompt":"b"',
      '["b"]',
      '"b"',
      'null',
      'prompt',
      '{"prompt":"b"} {"prompt":"c"}',
    ]) {
      await expect(read(`{"prompt":"a"}\n\n${broken}\n{"prompt":"c"}\n`)).rejects.toMatchObject({
        code: 'bad-json',
        line: 3,
        message: expect.stringMatching(/^sheet\.jsonl, line 3: this is not one JSON object\./),
      });
    }
  });

  test('stop without quoting the line, because errors travel further than sheets', async () => {
    await expect(read('{"prompt":"secret plan"\n')).rejects.not.toThrow('secret');
  });

  test('stop if no record has a prompt', async () => {
    await expect(read('{"Caption":"a"}\n')).rejects.toMatchObject({ code: 'no-prompt-column', line: 1 });
    expect((await read('{"Caption":"a"}\n', { map: { prompt: 'caption' } })).rows[0]?.prompt).toBe('a');
  });

  test('reject a record without a prompt, or with one that is not text', async () => {
    const { rows, rejected } = await read(
      '{"prompt":"a"}\n{"text":"b"}\n{"prompt":["c"]}\n{"prompt":null}\n{}\n',
    );
    expect(rows).toHaveLength(1);
    expect(rejected.map(({ line, column, rule }) => [line, column, rule])).toEqual([
      [2, 'prompt', 'the prompt is blank'],
      [3, 'prompt', 'prompt must be text'],
      [4, 'prompt', 'the prompt is blank'],
      [5, 'prompt', 'the prompt is blank'],
    ]);
    expect(rejected[1]).toMatchObject({ value: '["c"]', record: { prompt: ['c'] } });
  });

  test('reject half of a surrogate pair, which no file can contain', async () => {
    const { rejected } = await read('{"prompt":"a"}\n{"prompt":"b\\ud800"}\n{"prompt":"c","id":"\\udc00"}\n');
    expect(rejected).toMatchObject([
      { line: 2, column: 'prompt', rule: expect.stringContaining('half of a surrogate pair') },
      { line: 3, column: 'id', rule: expect.stringContaining('half of a surrogate pair') },
    ]);
  });

  test('accept lists of input images with spaces, and reject other values', async () => {
    const lists = [[], ['https://x.example/1.png', ' '], 'https://x.example/1.png', [1], { a: 1 }];
    const { rows, rejected } = await read(
      lists
        .map((input_images, index) => `${JSON.stringify({ prompt: `p${index}`, input_images })}\n`)
        .join(''),
    );
    const one = ['https://x.example/1.png'];
    expect(rows.map(({ inputImages }) => inputImages)).toEqual([[], one, one]);
    expect(rejected).toMatchObject([
      { line: 4, column: 'input_images', value: '[1]', rule: 'input_images must be text or a list of texts' },
      { line: 5, column: 'input_images', value: '{"a":1}' },
    ]);
  });

  test('keep keys that are special in JavaScript as labels', async () => {
    const { rows } = await read('{"prompt":"a","__proto__":"x"}\n');
    expect(Object.entries(rows[0]?.labels ?? {})).toEqual([['__proto__', 'x']]);
  });

  test('keep whole numbers beyond 2^53 as text, and all others as numbers', async () => {
    const { rows } = await read(
      '{"prompt":"a","id":12345678901234567890,"n":[{"big":-9007199254740993}],"most":9007199254740991,"huge":1e400,"zero":-0,"half":-0.5,"float":0.10000000000000000555,"digits":"1234567890123456789","e":1e21}\n',
    );
    expect(rows[0]).toMatchObject({
      rowId: '12345678901234567890',
      labels: {
        n: [{ big: '-9007199254740993' }],
        most: 9007199254740991,
        huge: '1e400',
        zero: 0,
        half: -0.5,
        float: 0.1,
        digits: '1234567890123456789',
        e: 1e21,
      },
    });
  });

  test('are read like JSON.parse if that loses nothing', () => {
    const whole = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
    const decimal = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n));
    const value = fc.letrec((tie) => ({
      any: fc.oneof(fc.string(), whole, decimal, fc.constant(null), tie('list'), tie('map')),
      list: fc.array(tie('any'), { maxLength: 3 }),
      map: fc.dictionary(fc.string(), tie('any'), { maxKeys: 3 }),
    })).any;
    fc.assert(
      fc.property(value, (any) => {
        const text = JSON.stringify([any, 'looked at closely: 1234567890123456']);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('stop at labels nested too deeply for metadata readers', async () => {
    expect((await read(nested(99))).rows).toHaveLength(1);
    for (const levels of [100, 4000]) {
      const broken = read(`{"prompt":"a"}\n${nested(levels)}`);
      await expect(broken).rejects.toMatchObject({ code: 'bad-json', line: 2 });
      await expect(broken).rejects.toThrow('nested more than 100 levels deep');
    }
  });

  test('without any line have no rows', async () => {
    await expect(read('\n \n')).rejects.toMatchObject({
      code: 'no-rows',
      message: expect.stringContaining('Expected one JSON object per line'),
    });
  });

  test('stop at a record of more than 1 MiB', async () => {
    await expect(read(`{"prompt":"a"}\n{"prompt":"b","x":"${'y'.repeat(1 << 20)}"}\n`)).rejects.toMatchObject(
      {
        code: 'record-too-large',
        line: 2,
      },
    );
  });
});
