import { parseArgs } from 'node:util';
import type { Bench, BenchValues } from './bench.js';

/** What a command line requests; `wrong` is one line. */
export type BenchRequest =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly message: string }
  | {
      readonly kind: 'run';
      /** Each with the values of its options that are not the defaults. */
      readonly benches: readonly { readonly bench: Bench; readonly values: BenchValues }[];
      /** Undefined for the default file. */
      readonly jsonFile: string | undefined;
    };

/** Reads the arguments after `npm run bench --`. Options of a bench need its name. */
export function readArguments(args: readonly string[], benches: readonly Bench[]): BenchRequest {
  const options = new Set(benches.flatMap((bench) => Object.keys(bench.options)));
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        json: { type: 'string' },
        quick: { type: 'boolean' },
        ...Object.fromEntries(Array.from(options, (name) => [name, { type: 'string' as const }])),
      },
    });
    const { help, json, quick, ...rest } = values;
    if (help === true) return { kind: 'help' };
    const [name, ...more] = positionals;
    if (more.length > 0) return wrong(`Name one benchmark, not ${positionals.length}.`);
    const chosen = name === undefined ? benches : benches.filter((bench) => bench.name === name);
    if (chosen.length === 0) {
      const known = benches.map((bench) => bench.name).join(', ');
      return wrong(`There is no benchmark "${name}". Benchmarks: ${known}.`);
    }
    const numbers: Record<string, number> = {};
    for (const [option, text] of Object.entries(rest)) {
      if (name === undefined) return wrong(`--${option} needs the name of a benchmark.`);
      if (!chosen.some((bench) => option in bench.options)) {
        return wrong(`"${name}" has no option --${option}. ${optionsText(chosen[0])}`);
      }
      const value = Number(text);
      if (!Number.isFinite(value) || value <= 0)
        return wrong(`--${option} must be a positive number, not "${String(text)}".`);
      numbers[option] = value;
    }
    const jsonFile = typeof json === 'string' ? json : undefined;
    return {
      kind: 'run',
      benches: chosen.map((bench) => ({
        bench,
        values: { ...(quick === true && quickValues(bench)), ...numbers },
      })),
      jsonFile,
    };
  } catch (error) {
    return wrong(error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error));
  }
}

function quickValues({ options }: Bench): BenchValues {
  return Object.fromEntries(Object.entries(options).map(([name, { quick }]) => [name, quick]));
}

function wrong(message: string): BenchRequest {
  return { kind: 'wrong', message };
}

function optionsText(bench: Bench | undefined): string {
  const names = Object.keys(bench?.options ?? {}).map((name) => `--${name}`);
  return names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`;
}

/** The text of `--help`. */
export function benchHelp(benches: readonly Bench[]): string {
  const lines = benches.flatMap(({ name, summary, options }) => [
    `  ${name.padEnd(12)}${summary}`,
    ...Object.entries(options).map(
      ([option, { default: usual, help }]) =>
        `                ${`--${option} N`.padEnd(18)}${help} (default: ${usual})`,
    ),
  ]);
  return `Usage: npm run bench -- [NAME] [options]

Measures banana-batch on servers of its own, prints one table, and writes the same figures as JSON.
Runs all benchmarks, or only NAME.

Options:
  --quick       small sizes, to see whether everything works; the figures say little
  --json FILE   write the JSON to FILE (default: bench/results.json)
  -h, --help    show this help

Benchmarks and their options:
${lines.join('\n')}
`;
}
