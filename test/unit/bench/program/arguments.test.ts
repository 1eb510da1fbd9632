import { describe, expect, it } from 'vitest';
import { BENCHES } from '../../../../bench/catalogue.js';
import { benchHelp, readArguments } from '../../../../bench/program/arguments.js';
import { defineBench, type Bench } from '../../../../bench/program/bench.js';

const seen: object[] = [];
const benches: readonly Bench[] = [
  defineBench({
    name: 'fast',
    summary: 'measures fast',
    options: { rows: { default: 600, quick: 6, help: 'rows' }, from: { default: 1, quick: 2, help: 'from' } },
    run: async (values) => {
      seen.push(values);
      return [];
    },
  }),
  defineBench({ name: 'slow', summary: 'measures slowly', options: {}, run: async () => [] }),
];

describe('the arguments of npm run bench', () => {
  it('run all benches, or the named one', () => {
    const all = benches.map((bench) => ({ bench, values: {} }));
    expect(readArguments([], benches)).toEqual({ kind: 'run', benches: all, jsonFile: undefined });
    expect(readArguments(['slow', '--json', 'x.json'], benches)).toMatchObject({
      kind: 'run',
      benches: [{ bench: { name: 'slow' } }],
      jsonFile: 'x.json',
    });
  });

  it.each([
    [[], { rows: 600, from: 1 }],
    [['--rows', '20'], { rows: 20, from: 1 }],
    [['--quick', '--rows', '20'], { rows: 20, from: 2 }],
  ])('%j give a bench a value for each of its options', async (args, values) => {
    const request = readArguments(['fast', ...args], benches);
    if (request.kind !== 'run') throw new Error(request.kind);
    for (const { bench, values } of request.benches) await bench.measure(values, () => undefined);
    expect(seen.at(-1)).toEqual(values);
  });

  it('make all benches quick', () => {
    const request = readArguments(['--quick'], benches);
    expect(request.kind === 'run' && request.benches.map(({ values }) => values)).toEqual([
      { rows: 6, from: 2 },
      {},
    ]);
  });

  it.each([
    [['nix'], 'There is no benchmark "nix". Benchmarks: fast, slow.'],
    [['fast', 'slow'], 'Name one benchmark, not 2.'],
    [['--rows', '5'], '--rows needs the name of a benchmark.'],
    [['slow', '--rows', '5'], '"slow" has no option --rows. It has none.'],
    [['fast', '--rows', 'many'], '--rows must be a positive number, not "many".'],
    [['fast', '--rows', '0'], '--rows must be a positive number, not "0".'],
  ])('%j is wrong: %s', (args, message) => {
    expect(readArguments(args, benches)).toEqual({ kind: 'wrong', message });
  });

  it('that are unknown are reported in one line', () => {
    const request = readArguments(['--nix'], benches);
    expect(request.kind === 'wrong' && request.message).toMatch(/^Unknown option '--nix'[^\n]*$/);
  });

  it('--help is answered before anything else is checked, and lists every bench with its options', () => {
    expect(readArguments(['nix', '--help'], benches)).toEqual({ kind: 'help' });
    const help = benchHelp(BENCHES);
    for (const { name, options } of BENCHES) {
      expect(help).toContain(`\n  ${name} `);
      for (const option of Object.keys(options)) expect(help).toContain(` --${option} N`);
    }
  });
});
