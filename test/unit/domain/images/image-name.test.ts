import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brokenImageNameRule, imageNameIn, imageNameOf } from '../../../../src/domain/images/image-name.js';
import type { PromptRow } from '../../../../src/domain/rows/row.js';
import { foldedName, TakenNames } from '../../../../src/domain/images/taken-names.js';
import { JoiningNames } from '../../../../src/plan/rows/joining-names.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';
import { sampleRow } from '../../../support/sample-rows.js';

const PIECES =
  'e\u0301 SS \u200D \uD83C \uFFFF \n \u2028 / // .. __ \\ : * con LPT¹ metadata.jsonl .png .JPEG .webp .txt'
    .split(' ')
    .concat('x'.repeat(120), 'é'.repeat(60));

/** Names of pieces that are likely to clash, to break a rule, or to look like another name. */
const anyName = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 9 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }),
);

describe('a chosen image name', () => {
  it.each([
    ['Größe/sofa 1.PNG', 'Größe/sofa 1'],
    ['  cafe\u0301.jpeg ', 'caf\u00E9'],
    ['v1.2/hero.final', 'v1.2/hero.final'],
    ['a.png.webp', 'a'],
    ['100%/a+b #1', '100%/a+b #1'],
    ['a test b/validation/x', 'a test b/validation/x'],
    ['"', undefined],
    ['../x', undefined],
    ['a/./b', undefined],
    ['a//b', undefined],
    ['/a', undefined],
    ['a/', undefined],
    ['a\\b', undefined],
    ['a\tb', undefined],
    ['a:b', undefined],
    ['a.', undefined],
    ['a /b', undefined],
    ['nul', undefined],
    ['x/Com1.tar', undefined],
    ['.hidden', undefined],
    ['x/__init', undefined],
    ['a.png/b', undefined],
    ['metadata.jsonl/b', undefined],
    ['.png', undefined],
    ['\uD83C', undefined],
    ['x'.repeat(251), undefined],
    ['é'.repeat(125), 'é'.repeat(125)],
    [Array.from({ length: 8 }, () => 'x'.repeat(90)).join('/'), undefined],
  ])('%j means %j', (text, name) => {
    const found = imageNameIn(text);
    expect(brokenImageNameRule(found) === undefined ? found : undefined).toBe(name);
  });

  it('is a legal key and file name whenever accepted, and stable when used again', () => {
    fc.assert(
      fc.property(anyName, (text) => {
        const name = imageNameIn(text);
        fc.pre(brokenImageNameRule(name) === undefined);
        expect(imageNameIn(name)).toBe(name);
        expect(imageNameIn(`${name}.png`)).toBe(name);
        expect(name).toBe(name.normalize('NFC'));
        expect(Buffer.from(`${name}.webp`).toString()).toBe(`${name}.webp`);
        expect(Buffer.byteLength(`${name}.webp`)).toBeLessThanOrEqual(700);
        for (const part of `${name}.webp`.split('/')) {
          expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
          expect(part).toMatch(/^(?!\.|__)[^<>:"\\|?*\p{Cc}\p{Zl}\p{Zp}]*[^. ]$/u);
          expect(part).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the image names of a sheet', () => {
  const row = fc.record({
    id: fc.constantFrom('', 'a', 'A', 'b', 'c', 'd'),
    file_name: fc.oneof(
      fc.constantFrom('', 'a', 'A', 'á', 'a\u0301', 'x/a', 'X/a.png', 'b~1', 'a~2'),
      anyName,
    ),
    count: fc.constantFrom(1, 1, 1, 2),
  });

  it('never collide as files, and only taken names are refused for that', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (records) => {
        const lines = records.map((record, index) => JSON.stringify({ prompt: `p ${index}`, ...record }));
        const { rows, rejected } = await readWholeSheet(lines.join('\n'), {}, 'sheet.jsonl');
        const chosen = rows.filter(({ rowId, imageName }) => imageName !== imageNameOf(rowId));
        const keys = new Set(rows.map(({ imageName }) => imageName));
        expect(keys.size).toBe(rows.length);
        for (const { position, imageName } of chosen) {
          const file = `${foldedName(imageName)}.`;
          const others = rows.filter((other) => other.position !== position);
          expect(others.filter((other) => `${foldedName(other.imageName)}.` === file)).toEqual([]);
          // No file has the path of another one's folder.
          expect(others.filter((other) => foldedName(other.imageName).startsWith(`${file}png/`))).toEqual([]);
        }
        const clashes = rejected.filter(({ rule }) => rule.startsWith('image name "'));
        const unfounded = clashes.filter(({ rule, value, line }) => {
          const [, first, second] = /\(lines (\d+) and (\d+);/.exec(rule) ?? [];
          const has = rows.filter((kept) => kept.line === Number(first) && kept.line < line);
          return (
            second !== String(line) || !has.some((kept) => foldedName(kept.imageName) === foldedName(value))
          );
        });
        expect(unfounded).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('report every taken name of a whole sheet with both lines', () => {
    const files = [['a', 'A'], ['á', 'a\u0301', 'Á'], ['b'], ['ß', 'SS', 'ss'], ['ΑΣ', 'ας']];
    const anyClaim = fc.record({
      name: fc.constantFrom(...files.flat()),
      isChosen: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyClaim), (claims) => {
        const taken = new TakenNames();
        const kept: { name: string; isChosen: boolean; line: number }[] = [];
        for (const [index, { name, isChosen }] of claims.entries()) {
          const line = index + 1;
          const first = kept.find((other) =>
            files.some((names) => names.includes(name) && names.includes(other.name)),
          );
          const clash = first && (isChosen || first.isChosen) ? first.line : undefined;
          expect(taken.claim([name], { line, isChosen })?.line).toBe(clash);
          if (clash === undefined) kept.push({ name, isChosen, line });
        }
      }),
    );
  });

  it('are made by --name, also from the row’s id, and numbered for each copy', async () => {
    const sheet = 'prompt,sku,campaign,count\na fox,1,Winter,2\na cat,2,,1\na dog,3,Sale,1\n';
    const { rows, rejected } = await readWholeSheet(sheet, { name: '{{campaign}}/{{SKU}}.png' });
    expect(rows.map(({ imageName }) => imageName)).toEqual(['Winter/1~1', 'Winter/1~2', 'Sale/3']);
    expect(rejected).toMatchObject([
      { line: 3, column: 'campaign', rule: expect.stringContaining('{{campaign|') },
    ]);
    const byId = await readWholeSheet('prompt,sku\na fox,1\n', {
      name: '{{sku}} {{id}}',
      imagesPerPrompt: 2,
    });
    expect(byId.rows.map(({ imageName }) => imageName)).toEqual(byId.rows.map(({ rowId }) => `1 ${rowId}`));
  });

  it('come unchanged from our own failures.csv, whatever --name and --map say', async () => {
    const failures = 'id,prompt,count,file_name,failure_kind\na~1,x,1,Größe/a~1,flaky\nb,y,1,,flaky\n';
    const settings = { name: '{{nowhere}}', map: { file_name: 'nowhere' } };
    const { rows } = await readWholeSheet(failures, settings);
    expect(rows.map(({ imageName }) => imageName)).toEqual(['Größe/a~1', 'b']);
  });
});

function named(rowId: string, imageName: string, line: number): PromptRow {
  return { ...sampleRow(rowId), imageName, line };
}

describe('the names of rows that join a batch', () => {
  it('are refused if a row that stays has them, also one that stays because it was rejected', () => {
    const names = new JoiningNames();
    // A chain: each takes the name of the next, and the last one's is not released.
    names.add(named('a', 'two', 2));
    names.add(named('b', 'Three', 3));
    names.add(named('c', 'four', 4));
    names.add(named('d', 'free', 5));
    for (const [rowId, name] of [
      ['a', 'one'],
      ['b', 'two'],
      ['c', 'three'],
      ['k', 'FOUR'],
      ['l', 'five'],
    ] as const)
      names.meet(named(rowId, name, 9));
    const refused = names.refused();
    expect([...refused.keys()].toSorted((a, b) => a - b)).toEqual([2, 3, 4]);
    expect(refused.get(4)).toContain(
      '"four" is used twice (line 4 and row "k" of the batch, line 9 of its sheet;',
    );
  });

  it('may be the names of rows that are renamed themselves', () => {
    const names = new JoiningNames();
    names.add(named('a', 'two', 2));
    names.add(named('b', 'one', 3));
    names.meet(named('a', 'one', 2));
    names.meet(named('b', 'two', 3));
    expect(names.refused().size).toBe(0);
  });
});
