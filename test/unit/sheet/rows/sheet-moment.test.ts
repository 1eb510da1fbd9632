import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasSheet, ledgerRequest, sheetKeyOf } from '../../../../src/plan/run-request.js';
import { sheetText } from '../../../../src/cli/submit/submission-plan-text.js';
import type { BatchId } from '../../../../src/domain/rows/ids.js';
import { RunRequest } from '../../../../src/ledger/documents.js';
import { SheetSettings, SheetTally } from '../../../../src/sheet/index.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

const moment = { date: '2026-11-23', time: '02:00' };

/** Parts of prompts that resemble a date or time, and their texts at the time above. */
const PIECES = new Map([
  ['{{date}}', '2026-11-23'],
  ['{{ TIME\u00A0}}', '02:00'],
  ['{{\nDate }}', '2026-11-23'],
  [String.raw`\{\{date\}\}`, '{{date}}'],
  [String.raw`\{{ time }}`, '{{ time }}'],
  [String.raw`{{Date}\}`, '{{Date}}'],
  ...[
    ' a fox ',
    '{',
    '}',
    '{{',
    '}}',
    '\\',
    '{{dates}}',
    '{{date|now}}',
    '{{date,time}}',
    '{{}}',
    'date',
    '$1',
    '{date}',
    '\\}',
  ].map((text) => [text, text] as const),
]);
// Neither braces nor backslashes are between them.
const prompt = fc.array(fc.constantFrom(...PIECES.keys()), { minLength: 1, maxLength: 8 });
const anyText = fc
  .oneof(
    prompt.map((pieces) => pieces.join('')),
    fc.string({ unit: 'grapheme' }),
  )
  .filter((text) => text.replaceAll('\0', '').trim() !== '');

const jsonLine = (cells: object) => `${JSON.stringify(cells)}\n`;
const readRow = async (cells: object, settings: object) => {
  const { rows, rejected } = await readWholeSheet(jsonLine(cells), settings, 'sheet.jsonl');
  return { row: rows[0], rejected: rejected[0] };
};

const noted = async (cells: object, settings: object) => {
  const tally = new SheetTally();
  const { row } = await readRow(cells, settings);
  if (row) tally.add({ kind: 'row', row, own: { id: undefined, rejectedLine: undefined } });
  return sheetText('s', tally.summary(), SheetSettings.parse(settings)).includes('only schedules fill');
};

describe('without a schedule time', () => {
  test('prompts and ids with {{date}} stay unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        expect((await readRow({ prompt: text }, {})).row?.prompt).toBe(text.replaceAll('\0', ''));
      }),
    );
    const { row } = await readRow({ prompt: 'a fox on {{date}}', file_name: 'fox {{date}}' }, {});
    expect(row).toMatchObject({ rowId: 'a-fox-on-date-846b23baf825', imageName: 'fox {{date}}' });
  });

  test('a template with {{date}} gets an explanation', async () => {
    const read = readWholeSheet('subject\nfox\n', { template: '{{subject}} at {{ Time }}' });
    await expect(read).rejects.toMatchObject({ code: 'unknown-column' });
    await expect(read).rejects.toThrow(
      'sheet.csv, line 1: --template uses the column "Time", which the sheet does not have. Only schedules fill in {{date}} and {{time}}, unless the sheet has such columns. Its columns: "subject"',
    );
  });

  test('the plan notes {{date}} in prompts or names', async () => {
    expect(await noted({ prompt: 'a {{ date }}' }, {})).toBe(true);
    expect(await noted({ prompt: 'a', file_name: '{{time}}' }, {})).toBe(true);
    expect(await noted({ prompt: 'a {date}', label: '{{date}}' }, {})).toBe(false);
    expect(await noted({ prompt: String.raw`a \{{date}}` }, { moment })).toBe(false);
  });
});

describe('a schedule time', () => {
  test('replaces {{date}} and {{time}} in a prompt, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(prompt, async (pieces) => {
        const meant = pieces.map((piece) => PIECES.get(piece)).join('-');
        const { row } = await readRow({ prompt: pieces.join('-') }, { moment });
        expect(row?.prompt ?? '').toBe(meant);
      }),
    );
  });

  test('leaves a sheet without them unchanged, including ids', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyText.filter((text) => !/date|time/i.test(text)),
        async (text) => {
          expect(await readRow({ prompt: text }, { moment })).toEqual(await readRow({ prompt: text }, {}));
        },
      ),
    );
  });

  test('changes the identity of its rows, so each time makes its own rows', async () => {
    const { row } = await readRow({ prompt: 'a fox on {{date}}' }, { moment });
    const written = await readRow({ prompt: 'a fox on 2026-11-23' }, {});
    expect(row).toEqual({ ...written.row, given: { prompt: 'a fox on {{date}}' } });
    expect(row?.rowId).toMatch(/^a-fox-on-2026-11-23-[0-9a-f]{12}$/);
  });

  test('has no colon in names, by a column or a template', async () => {
    const cells = { prompt: 'at {{time}}', file_name: '{{date}}/{{ time }} fox' };
    expect((await readRow(cells, { moment })).row).toMatchObject({
      prompt: 'at 02:00',
      imageName: '2026-11-23/02-00 fox',
    });
    const name = '{{DATE}}/{{time}}/{{id}}';
    expect((await readRow({ prompt: 'a', id: 'x' }, { moment, name })).row?.imageName).toBe(
      '2026-11-23/02-00/x',
    );
  });

  test('is filled into a template, next to choices and defaults, but not into its cells', async () => {
    const template = String.raw`{{subject}} {{date}} {{Time|later}} {{date,time}} \{\{date\}\}`;
    const { row } = await readRow({ subject: '{{date}}', prompt: '{{date}}' }, { moment, template });
    expect(row?.prompt).toMatch(/^\{\{date\}\} 2026-11-23 02:00 (?:date|time) \{\{date\}\}$/);
    expect(row?.labels).toEqual({ subject: '{{date}}', prompt: '{{date}}' });
  });

  test('is not used in a template if a column has that name; prompts ignore columns', async () => {
    const cells = { prompt: 'a {{date}}', Date: 'Monday', TIME: '' };
    const template = '{{date}} at {{time|noon}}';
    for (const given of [moment, 'refused', undefined] as const) {
      expect((await readRow(cells, { moment: given, template, name: '{{date}}' })).row).toMatchObject({
        prompt: 'Monday at noon',
        imageName: 'Monday',
      });
    }
    expect((await readRow(cells, { moment })).row?.prompt).toBe('a 2026-11-23');
  });

  test('is filled into the prompts of rejects.csv, which may be submitted by hand', async () => {
    const { rejected } = await readRow(
      { prompt: 'on {{date}}', file_name: '{{time}}', model: 'x' },
      { moment },
    );
    expect(rejected).toMatchObject({
      column: 'model',
      record: { prompt: 'on 2026-11-23', file_name: '02-00', model: 'x' },
    });
  });

  test.each([moment, 'refused'])('never changes failures.csv, whose prompts are final: %j', async (given) => {
    const cells = { id: 'x', prompt: 'a {{date}}', file_name: '{{time}}', failure_kind: 'flaky' };
    const template = 'on {{date}}';
    expect((await readRow(cells, { moment: given, template })).row).toMatchObject({
      prompt: 'a {{date}}',
      imageName: '{{time}}',
    });
  });

  test('that is invalid is refused', () => {
    for (const wrong of [
      { date: '2026-02-30', time: '02:00' },
      { date: '2026-11-23', time: '24:00' },
      { date: '2026-11-23', time: '02:00:01' },
      'none',
    ])
      expect(SheetSettings.safeParse({ moment: wrong }).success).toBe(false);
  });
});

describe('a sheet that may not use {{date}} and {{time}}', () => {
  test('has rows with them rejected, and the others accepted', async () => {
    const sheet = [
      { prompt: 'a fox' },
      { prompt: 'on {{ Date }}' },
      { prompt: String.raw`a sign with \{\{date\}\}` },
      { prompt: 'an owl', file_name: 'owl {{time}}' },
    ];
    const { rows, rejected } = await readWholeSheet(
      sheet.map(jsonLine).join(''),
      { moment: 'refused' },
      'sheet.jsonl',
    );
    expect(rows.map((row) => row.prompt)).toEqual(['a fox', 'a sign with {{date}}']);
    expect(rejected).toMatchObject([
      {
        line: 2,
        column: 'prompt',
        value: 'on {{ Date }}',
        rule: String.raw`prompt must not contain {{date}} or {{time}} in a schedule with --mode changes, where the row would be bought again at each run. Remove them, write \{\{Date\}\} for the text itself, or create a schedule with --mode fresh`,
        record: { prompt: 'on {{ Date }}' },
      },
      {
        line: 4,
        column: 'file_name',
        rule: expect.stringContaining('would get another name at each run'),
      },
    ]);
  });

  test.each(['template', 'name'])('refuses a sheet that contains them in %s', async (flag) => {
    const read = readWholeSheet('prompt\nfox\n', { moment: 'refused', [flag]: 'on {{DATE|now}} {{prompt}}' });
    await expect(read).rejects.toMatchObject({ code: 'bad-template' });
    await expect(read).rejects.toThrow(`--${flag} contains {{date}}, which differs at each run`);
  });
});

test('a run keeps its time: its sheet gives the same rows when read again by a retry or another run', async () => {
  const location = { bucket: 'b', root: 'nightly/', batchId: 'nightly' as BatchId };
  const sheet = { path: '/s.csv', name: 's.csv', sha256: 'a'.repeat(64), sizeBytes: 12 };
  const settings = SheetSettings.parse({ moment });
  const request = RunRequest.parse(
    JSON.parse(
      JSON.stringify({
        sheetKey: sheetKeyOf(location, sheet),
        sheetName: 's.csv',
        sheet: settings,
        submittedAt: '2026-11-23T02:00:05.000Z',
      }),
    ),
  );
  const retried = ledgerRequest(request, { action: 'retry', kinds: [], redo: [], rows: 1 });
  const text = 'prompt,file_name\non {{date}} at {{time}},{{time}}\n';
  const first = await readWholeSheet(text, settings);
  expect(first.rows).toHaveLength(1);
  expect(await readWholeSheet(text, retried.sheet)).toEqual(first);

  expect(hasSheet(request, location, sheet, settings)).toBe(true);
  const tomorrow = SheetSettings.parse({ moment: { ...moment, date: '2026-11-24' } });
  expect(hasSheet(request, location, sheet, tomorrow)).toBe(false);
  expect(hasSheet(request, location, sheet, SheetSettings.parse({}))).toBe(false);
});
