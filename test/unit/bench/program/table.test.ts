import { describe, expect, it } from 'vitest';
import { ratioOf, type BenchRow } from '../../../../bench/program/row.js';
import { resultsText } from '../../../../bench/program/results.js';
import { benchTable, figureText } from '../../../../bench/program/table.js';

const WHOLE_ROW: BenchRow = {
  bench: 'main-job',
  what: 'time of 600 jobs',
  unit: 's',
  ours: 80,
  peer: { name: 'promise pool', figure: 70.25 },
  limit: 64,
  ratioOf: 'limit ÷ ours',
};
const BARE_ROW: BenchRow = { bench: 'throughput', what: 'CPU time of Temporal', unit: 'ms', ours: undefined };

describe('the table of a bench', () => {
  it('has a line per row, with the unit and the peer of each figure', () => {
    const unbuilt: BenchRow = {
      bench: 'copy',
      what: 'more for a large image',
      unit: 'ms',
      ours: 3.456,
      peer: { name: 'rclone', missing: 'not available' },
      ratioOf: 'peer ÷ ours',
    };
    expect(benchTable([WHOLE_ROW, BARE_ROW, unbuilt], undefined).split('\n').slice(1, -2)).toEqual([
      '│ bench      │ measured               │          ours │             best peer │  limit │               ratio │',
      '├────────────┼────────────────────────┼───────────────┼───────────────────────┼────────┼─────────────────────┤',
      '│ main-job   │ time of 600 jobs       │        80.0 s │  promise pool: 70.3 s │ 64.0 s │ limit ÷ ours = 0.80 │',
      '│ throughput │ CPU time of Temporal   │ not available │                       │        │                     │',
      '│ copy       │ more for a large image │       3.46 ms │ rclone: not available │        │                     │',
    ]);
  });

  it('wraps what is measured on a narrow terminal, and cuts nothing', () => {
    const words = Array.from({ length: 30 }, (_, index) => `word${index}`);
    const lines = benchTable([{ ...WHOLE_ROW, what: words.join(' ') }], 110)
      .trimEnd()
      .split('\n');
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([110]));
    const cells = lines.slice(3, -1).map((line) => line.split('│')[2] ?? '');
    expect(cells.join(' ').split(/\s+/).filter(Boolean)).toEqual(words);
  });

  it.each([
    [0, 'requests', '0.00 requests'],
    [9.876, 'ms', '9.88 ms'],
    [98.76, 's', '98.8 s'],
    [1234.5, 'rows/s', '1235 rows/s'],
    [1_500_000, 'bytes', '1.5 MB'],
  ] as const)('shows %d %s as "%s"', (figure, unit, text) => {
    expect(figureText(figure, unit)).toBe(text);
  });
});

describe('the ratio of a row', () => {
  it.each([
    ['limit ÷ ours', 0.8],
    ['ours ÷ limit', 1.25],
    ['peer ÷ ours', 70.25 / 80],
    ['ours ÷ peer', 80 / 70.25],
  ] as const)('is %s', (ratio, value) => {
    expect(ratioOf({ ...WHOLE_ROW, ratioOf: ratio })).toBe(value);
  });

  it('is missing without one of its figures, or if it would divide by nothing', () => {
    expect(ratioOf(BARE_ROW)).toBeUndefined();
    expect(ratioOf({ ...WHOLE_ROW, limit: undefined })).toBeUndefined();
    expect(ratioOf({ ...WHOLE_ROW, limit: 0, ratioOf: 'ours ÷ limit' })).toBeUndefined();
    const missing = { name: 'rclone', missing: 'not available' };
    expect(ratioOf({ ...WHOLE_ROW, peer: missing, ratioOf: 'peer ÷ ours' })).toBeUndefined();
  });
});

describe('the JSON of a bench', () => {
  it('has every figure of every row, the ratios, and the state of the machine', () => {
    const machine = { node: 'v20.19.0', platform: 'linux-x64', cpus: 2, loadBefore: 0.1 };
    const startedAt = new Date('2026-01-01T00:00:00Z');
    const text = resultsText({ startedAt, seconds: 12.3, machine, rows: [WHOLE_ROW, BARE_ROW] });
    expect(JSON.parse(text)).toEqual({
      startedAt: '2026-01-01T00:00:00.000Z',
      seconds: 12,
      machine,
      rows: [
        { ...WHOLE_ROW, ratio: 0.8 },
        { bench: 'throughput', what: 'CPU time of Temporal', unit: 'ms' },
      ],
    });
  });
});
