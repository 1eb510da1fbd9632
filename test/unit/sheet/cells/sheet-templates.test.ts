import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawn } from '../../../../src/sheet/rows/prompts.js';
import { recordChecker } from '../../../../src/sheet/rows/check.js';
import { columnPlanner } from '../../../../src/sheet/cells/columns.js';
import { SheetSettings } from '../../../../src/sheet/index.js';
import { parseTemplate, type TemplatePart } from '../../../../src/sheet/cells/template.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

const promptsOf = async (sheet: string, template: string, settings = {}, name = 'sheet.csv') =>
  (await readWholeSheet(sheet, { template, ...settings }, name)).rows.map(({ prompt }) => prompt);

const escaped = (raw: string) => raw.replaceAll(/[{}|,\\]/g, '\\$&');
const sheetOf = (records: readonly { id: string | undefined; artist: string; count: number }[]) =>
  records.map((one) => JSON.stringify(one)).join('\n');

describe('a template', () => {
  test('makes the prompt from other columns, which stay labels', async () => {
    const { rows } = await readWholeSheet('Subject,style,prompt\nfox, oil ,old\n', {
      template: 'a {{ STYLE }} painting of a {{subject}}, {{style}}!',
    });
    expect(rows).toMatchObject([
      { prompt: 'a oil painting of a fox, oil!', labels: { Subject: 'fox', style: ' oil ', prompt: 'old' } },
    ]);
  });

  test('does not read a cell as a template', async () => {
    expect(await promptsOf('a,b\n"{{b}} {{x,y}} $1",x\n', '{{a}}-{{b}}')).toEqual(['{{b}} {{x,y}} $1-x']);
  });

  test('uses a default for a blank cell or a missing key of a JSON row; a default may be empty', async () => {
    const template = 'a {{style|photo, faded}} of {{subject}}{{extra|}}';
    expect(await promptsOf('subject,style,extra\nfox,,\nowl,ink,!\n', template)).toEqual([
      'a photo, faded of fox',
      'a ink of owl!',
    ]);
    const lines =
      '{"subject":"fox","style":"ink","extra":"?"}\n{"subject":"owl","style":null}\n{"subject":"cat"}\n';
    expect(await promptsOf(lines, template, {}, 'sheet.jsonl')).toEqual([
      'a ink of fox?',
      'a photo, faded of owl',
      'a photo, faded of cat',
    ]);
  });

  test('rejects a record with a blank column without a default, or an empty result', async () => {
    const { rows, rejected } = await readWholeSheet('subject,style\nfox,oil\nowl, \n', {
      template: '{{style}} {{subject}}',
    });
    expect(rows).toHaveLength(1);
    expect(rejected).toMatchObject([
      {
        line: 3,
        column: 'style',
        rule: '--template needs text in the column "style". If it may be blank, give a default: {{style|default}}',
      },
    ]);
    const list = '{"style":["a"]}\n{"style":""}\n{"style":"x"}\n';
    const lists = await readWholeSheet(list, { template: '{{style|}}' }, 'sheet.jsonl');
    expect(lists.rejected.map(({ line, column }) => [line, column])).toEqual([
      [1, 'style'],
      [2, 'prompt'],
    ]);
  });

  test('with an unknown column stops before the first row, with a suggestion', async () => {
    for (const braces of ['{{colour}}', '{{colour|red}}', '{{colour|red,green}}']) {
      await expect(promptsOf('subject,Color\nfox,red\n', `a ${braces} {{subject}}`)).rejects.toMatchObject({
        code: 'unknown-column',
        message:
          'sheet.csv, line 1: --template uses the column "colour", which the sheet does not have. Did you mean "Color"? Its columns: "subject", "Color"',
      });
    }
    await expect(promptsOf('subject\nfox\n', '{{size}}')).rejects.toThrow('not have. Its columns: "subject"');
  });

  test.each([
    ['a {{subject', /unpaired braces/],
    ['a subject}} x', /unpaired braces.*\\\{ and \\\}/],
    ['\\{{subject}}', /unpaired braces/],
    ['{{subject\\}}', /unpaired braces/],
    ['a {{ }} x', /empty braces/],
    ['a {{|x}} x', /empty braces/],
    ['a red fox', /uses no column/],
    ['{{red,,blue}}', /empty choice in \{\{red,,blue\}\}/],
  ])('that is invalid is refused: %s', async (template, message) => {
    const read = promptsOf('subject\nfox\n', template);
    await expect(read).rejects.toMatchObject({ code: 'bad-template' });
    await expect(read).rejects.toThrow(message);
  });

  test('may contain escaped braces, bars, commas and backslashes', async () => {
    const template = String.raw`\{\{{{a|x\|y}}\}\} {"n":{{a}}} C:\dir {{b\,c|}} {{{a}}} {{one\, two,one\, two}}`;
    expect(await promptsOf('a,"b,c"\n,z\nq,\n', template.replaceAll('{{a}}', '{{a|0}}'))).toEqual([
      String.raw`{{x|y}} {"n":0} C:\dir z {0} one, two`,
      String.raw`{{q}} {"n":q} C:\dir  {q} one, two`,
    ]);
  });

  test('uses a column whose name looks exactly like choices or a default', async () => {
    expect(await promptsOf('"red,green",a|b\nx,y\n', '{{Red,Green}} {{a|b}}')).toEqual(['x y']);
  });

  test('parses back to what was written', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', 'ж', '{', '}', '|', ',', '\\'), maxLength: 8 });
    const name = text.map((raw) => raw.trim()).filter((raw) => raw !== '');
    const part = fc.oneof(
      fc.record({ kind: fc.constant('text' as const), text: text.filter((raw) => raw !== '') }),
      fc.record({
        kind: fc.constant('column' as const),
        column: name,
        otherwise: fc.option(
          text.map((raw) => raw.trim()),
          { nil: undefined },
        ),
      }),
      fc.record({
        kind: fc.constant('choices' as const),
        choices: fc.array(name, { minLength: 2, maxLength: 4 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const written = parts.map((one) => {
          if (one.kind === 'text') return escaped(one.text);
          if (one.kind === 'choices') return `{{ ${one.choices.map(escaped).join(' , ')} }}`;
          return `{{${escaped(one.column)}${one.otherwise === undefined ? '' : ` | ${escaped(one.otherwise)}`}}}`;
        });
        // Adjacent texts are one text.
        const template = `{{x}}${written.join('{{x}}')}`;
        const parsed = parseTemplate(
          template,
          { flag: '--template', takesChoices: true },
          'sheet',
        ).parts.filter((one) => one.kind === 'text' || one.whole !== 'x' || one.choices.length > 1);
        const read = parsed.map((one: TemplatePart) => {
          if (one.kind === 'text') return { kind: 'text', text: one.text };
          if (one.choices.length > 1 && one.otherwise === undefined)
            return { kind: 'choices', choices: one.choices };
          return { kind: 'column', column: one.column, otherwise: one.otherwise };
        });
        expect(read).toEqual(parts);
      }),
    );
  });
});

describe('choices', () => {
  const template = 'a {{red,green,blue,black,white}} {{cat,dog,owl,fox}} by {{artist}}';

  test('are drawn for every image of a record, by its id', async () => {
    const sheet = 'id,artist,count\none,X,40\ntwo,X,40\n,X,40\n';
    const { rows } = await readWholeSheet(sheet, { template });
    const of = (from: number) => rows.slice(from, from + 40).map(({ prompt }) => prompt);
    for (const from of [0, 40, 80]) expect(new Set(of(from)).size).toBeGreaterThan(8);
    expect(of(0)).not.toEqual(of(40));
    expect(of(0)).not.toEqual(of(80));
    expect(rows.at(-1)?.rowId).toMatch(/^a-by-x-[0-9a-f]{12}~40$/);
    expect(new Set(rows.map(({ contentHash }) => contentHash)).size).toBe(
      new Set(rows.map(({ prompt }) => prompt)).size,
    );
  });

  const record = fc.record({
    id: fc.option(fc.stringMatching(/^[a-z]{4}$/), { nil: undefined }),
    artist: fc.constantFrom('X', 'Y', 'Z', 'Ж'),
    count: fc.integer({ min: 1, max: 4 }),
  });
  const distinct = fc.uniqueArray(record, {
    selector: ({ id, artist }) => id ?? `no id, ${artist}`,
    maxLength: 12,
    minLength: 1,
  });
  const byId = async (records: Parameters<typeof sheetOf>[0], seed = '1') => {
    const { rows } = await readWholeSheet(sheetOf(records), { template, seed }, 'sheet.jsonl');
    return new Map(rows.map(({ rowId, prompt, contentHash }) => [rowId as string, { prompt, contentHash }]));
  };

  test('are the same for the same seed, independent of other rows and their order', async () => {
    await fc.assert(
      fc.asyncProperty(distinct, async (records) => {
        const whole = await byId(records);
        expect(whole.size).toBe(records.reduce((sum, { count }) => sum + count, 0));
        expect(await byId([...records].reverse())).toEqual(whole);
        for (const [rowId, row] of await byId(records.slice(0, Math.ceil(records.length / 2))))
          expect(whole.get(rowId)).toEqual(row);
      }),
      { numRuns: 30 },
    );
  });

  test('keep the ids of rows under another seed, so that redrawn rows show as changed', async () => {
    const records = Array.from({ length: 50 }, (_, row) => ({ id: undefined, artist: `A${row}`, count: 2 }));
    const [one, other] = [await byId(records), await byId(records, 'x')];
    expect([...other.keys()]).toEqual([...one.keys()]);
    const changed = [...one].filter(([rowId, row]) => other.get(rowId)?.contentHash !== row.contentHash);
    // Five times four prompts: one in twenty stays the same.
    expect(changed.length).toBeGreaterThan(80);
    expect(changed.length).toBeLessThan(100);
  });

  test('never change, because bought images depend on them', async () => {
    expect(await promptsOf('id,artist,count\none,X,3\n', template)).toMatchInlineSnapshot(`
      [
        "a blue dog by X",
        "a red owl by X",
        "a green dog by X",
      ]
    `);
    expect(await promptsOf('artist\nX\n', template)).toMatchInlineSnapshot(`
      [
        "a white fox by X",
      ]
    `);
  });

  test('are equally likely, and independent of each other', () => {
    const rounds = 20_000;
    const pairs = new Map<string, number>();
    for (let row = 0; row < rounds; row += 1) {
      const base = `row-${row}`;
      const pair = [0, 1].map((place) => drawn({ seed: '1', base, replica: 1, place }, place === 0 ? 3 : 2));
      pairs.set(pair.join(), (pairs.get(pair.join()) ?? 0) + 1);
    }
    const expected = rounds / 6;
    const chiSquare = [...pairs.values()].reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    expect(pairs.size).toBe(6);
    // The 99.9th percentile with five degrees of freedom.
    expect(chiSquare).toBeLessThan(20.5);
  });

  test('are final in failures.csv', async () => {
    const sheet = 'id,prompt,artist,failure_kind\none~2,a red cat by X,X,flaky\n';
    expect(await promptsOf(sheet, template, { seed: 'x' })).toEqual(['a red cat by X']);
  });

  test('are decided for the whole sheet, not changed by a late key of a JSON row', async () => {
    const lines = `${'{"artist":"X"}\n'.repeat(5000)}{"artist":"Y","cat,dog":"eel"}\n`;
    const { rows } = await readWholeSheet(
      lines,
      { template: '{{cat,dog}} by {{artist}}' },
      'sheet.jsonl',
      4096,
    );
    const late = rows.at(-1)?.prompt;
    expect(late).toMatch(/^(?:cat|dog) by Y$/);
  });
});

describe('identical rows', () => {
  const record = fc.record({
    prompt: fc.constantFrom('a', 'b'),
    id: fc.option(fc.constantFrom('x', 'y', 'z'), { nil: undefined }),
    resolution: fc.constantFrom('1K', '2K'),
    count: fc.integer({ min: 1, max: 2 }),
  });

  test('are skipped except for the first of each group; rows with ids never are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 12 }), async (records) => {
        const sheet = records.map((one) => JSON.stringify(one)).join('\n');
        const kept = await readWholeSheet(sheet, {}, 'sheet.jsonl');
        const { rows, skipped } = await readWholeSheet(sheet, { duplicates: 'skip' }, 'sheet.jsonl');
        const seen = new Set<string>();
        const repeats = records.flatMap(({ id, prompt, resolution }, index) => {
          if (id !== undefined) return [];
          const first = !seen.has(prompt + resolution);
          seen.add(prompt + resolution);
          return first ? [] : [index + 1];
        });
        expect(skipped).toEqual(repeats);
        const left = kept.rows.filter(({ line }) => !repeats.includes(line));
        expect(rows).toMatchObject(left.map(({ rowId, prompt }, position) => ({ rowId, prompt, position })));
      }),
      { numRuns: 50 },
    );
  });

  test('do not include records that name their images or are rejected', async () => {
    const named = 'prompt,file_name\na fox,bad?name\na fox,hero\na fox,\na fox,\na fox,other\n';
    const { rows, rejected, skipped } = await readWholeSheet(named, { duplicates: 'skip' });
    expect(rejected).toMatchObject([{ line: 2 }]);
    expect(rows.map(({ line }) => line)).toEqual([3, 4, 6]);
    expect(skipped).toEqual([5]);
  });

  test('are identical before anything is drawn', async () => {
    const template = '{{a,b,c,d,e,f,g,h,i,j}} {{of}}';
    const sheet = `of\n${'x\n'.repeat(12)}`;
    expect(new Set(await promptsOf(sheet, template)).size).toBeGreaterThan(3);
    expect(await promptsOf(sheet, template, { duplicates: 'skip' })).toHaveLength(1);
  });
});

test('a record that exceeds the image limit of a batch stops the sheet at its line', () => {
  const check = recordChecker(SheetSettings.parse({}), 'sheet.csv', { mostRows: 5 });
  const columns = columnPlanner({ map: {} }, 'sheet.csv')(['prompt', 'count'], { sheet: 's', line: 1 }, true);
  const full = { line: 2, endLine: 2, values: ['a', '5'] };
  expect(check(full, columns)).toMatchObject({ kind: 'accepted' });
  expect(() => check({ line: 3, endLine: 3, values: ['b', '1'] }, columns)).toThrow(
    'sheet.csv, line 3: with this row the sheet makes more than 5 images, the limit of a batch.',
  );
});
