import { describe, expect, it } from 'vitest';
import { imageNameOf } from '../../../../src/domain/images/image-name.js';
import { RowFinder, type NamedRow } from '../../../../src/cli/batch/row-reference.js';
import type { RowId } from '../../../../src/domain/rows/ids.js';

function rowOf(rowId: string, line: number, imageName = imageNameOf(rowId)): NamedRow {
  return { rowId: rowId as RowId, line, imageName };
}

const SOFA = rowOf('a-red-sofa-0123456789ab', 2, 'sofas/SF-001');
const CHAIR = rowOf('chair', 4);
const LAMPS = [rowOf('lamp~1', 9, 'L~1'), rowOf('lamp~2', 9, 'L~2')];
const NUMBERED = [rowOf('4', 5), rowOf('5', 6)];
const ROWS = [SOFA, CHAIR, ...LAMPS, ...NUMBERED, rowOf('L~1', 12, 'other'), rowOf('line:2', 13)];

/** The id of the row that a text refers to; for several all ids. */
function meant(text: string, rows: readonly NamedRow[] = ROWS): unknown {
  const finder = new RowFinder([text]);
  for (const row of rows) finder.consider(row, () => row);
  const [[, answer] = []] = finder.answers();
  if (answer?.kind === 'ambiguous') return answer.rows.map(({ rowId }) => rowId);
  return answer?.kind === 'found' ? answer.row.rowId : answer?.kind;
}

describe('a row', () => {
  it.each([
    ['its id', 'a-red-sofa-0123456789ab', SOFA],
    ["its image's name", 'sofas/SF-001', SOFA],
    ["its image's file", ' sofas/SF-001.PNG ', SOFA],
    ["its image's key", 'batch/images/train/sofas/SF-001.png', SOFA],
    ['its line', '2', SOFA],
    ['a name that says what it is', 'name:sofas/SF-001.webp', SOFA],
    ['an id that says what it is', 'id: chair', CHAIR],
    ['a line that says what it is', 'line:4', CHAIR],
    ['an id that is the number of another row’s line', '4', NUMBERED[0]],
    ['an id that begins like a line', 'line:2', ROWS.at(-1)],
  ])('is found by %s', (_, text, row) => {
    expect(meant(text)).toBe(row?.rowId);
  });

  it('is not guessed if several match', () => {
    expect(meant('9')).toEqual(['lamp~1', 'lamp~2']);
    expect(meant('line:9')).toEqual(['lamp~1', 'lamp~2']);
    // The id of one, the name of another.
    expect(meant('L~1')).toEqual(['lamp~1', 'L~1']);
    expect([meant('id:L~1'), meant('name:L~1')]).toEqual(['L~1', 'lamp~1']);
  });

  it.each(['', 'sf-001', 'SF-001', '0', '1', '04', '-4', '4.0', 'line:x', 'id:', '9999999999'])(
    'is not found by %j',
    (text) => {
      expect(meant(text)).toBe('missing');
    },
  );

  it('found by a number is reported together with the row on that line', () => {
    const finder = new RowFinder(['4', '5', 'chair']);
    for (const row of ROWS) finder.consider(row, () => row);
    expect([...finder.answers()]).toMatchObject([
      ['4', { row: { rowId: '4' }, onLine: { rowId: 'chair' } }],
      ['5', { row: { rowId: '5' }, onLine: { rowId: '4' } }],
      ['chair', { row: { rowId: 'chair' } }],
    ]);
  });
});
