import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { ago, minuteOf } from '../../../../src/cli/terminal/elapsed.js';
import { oneLine, renderFacts, renderTable, type TableColumn } from '../../../../src/cli/terminal/table.js';

const COLUMNS: readonly TableColumn[] = [
  { title: 'BATCH', shrinks: true },
  { title: 'ROWS', align: 'right' },
  { title: 'WHY', shrinks: true },
];

describe('a table', () => {
  it('aligns its columns and has no trailing spaces', () => {
    const text = renderTable(
      COLUMNS,
      [
        ['spring', '12', ''],
        ['autumn-2', '3', 'held'],
      ],
      { width: undefined },
    );
    expect(text).toBe('BATCH     ROWS  WHY\nspring      12\nautumn-2     3  held\n');
  });

  it('truncates nothing without a width limit', () => {
    const long = 'x'.repeat(5000);
    expect(renderTable(COLUMNS, [[long, '1', long]], { width: undefined })).toContain(
      `${long}     1  ${long}\n`,
    );
  });

  it('fits the width of the terminal in any script', () => {
    const cell = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc.constantFrom('香蕉'.repeat(30), 'é'.repeat(70), '🍌 '.repeat(30)),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 40, max: 120 }),
        (cells, width) => {
          const text = renderTable(
            COLUMNS,
            cells.map(([a, b]) => [a, '7', b]),
            { width },
          );
          for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('has one line per row, whatever is in its cells', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { minLength: 1, maxLength: 5 }),
        (cells) => {
          const text = renderTable(
            COLUMNS,
            cells.map((cell) => [cell, '1', cell]),
            { width: 60 },
          );
          expect(text.split('\n')).toHaveLength(cells.length + 2);
        },
      ),
    );
  });

  it('removes control characters', () => {
    expect(oneLine('a\u001b[31mred\r\nline\u202egnirts')).toBe('a [31mred linegnirts');
  });
});

describe('a list of facts', () => {
  it('is aligned, and leaves out empty values', () => {
    expect(
      renderFacts([
        ['row', 'a'],
        ['why', undefined],
        ['settings', 'pro, 1:1'],
      ]),
    ).toBe('row       a\nsettings  pro, 1:1\n');
  });
});

describe('times', () => {
  it('are shown in their largest unit', () => {
    expect(ago('2026-03-01T12:00:00.000Z', Date.parse('2026-03-01T14:59:00.000Z'))).toBe('2h ago');
  });

  it('in the future because of clock differences are shown as now', () => {
    expect(ago('2026-03-01T12:00:05.000Z', Date.parse('2026-03-01T12:00:00.000Z'))).toBe('now');
  });

  it('are shown to the minute in UTC', () => {
    expect(minuteOf('2026-03-01T12:34:56.000Z')).toBe('2026-03-01 12:34Z');
  });
});
