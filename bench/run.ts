/** `npm run bench`: measures, prints one table, and writes the same as JSON. Exit codes: 1 if a bench failed, 2 for wrong arguments. */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { tableWidth } from '../src/cli/terminal/table.js';
import { BENCHES } from './catalogue.js';
import { benchHelp, readArguments, type BenchRequest } from './program/arguments.js';
import { resultsText } from './program/results.js';
import type { BenchRow } from './program/row.js';
import { benchTable } from './program/table.js';

const DEFAULT_FILE = path.resolve(import.meta.dirname, 'results.json');

async function main(args: readonly string[]): Promise<number> {
  const request = readArguments(args, BENCHES);
  if (request.kind === 'help') {
    process.stdout.write(benchHelp(BENCHES));
    return 0;
  }
  if (request.kind === 'wrong') {
    console.error(request.message);
    return 2;
  }
  // Warnings about Node versions are not relevant here.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  return measureAll(request);
}

async function measureAll({
  benches,
  jsonFile = DEFAULT_FILE,
}: Extract<BenchRequest, { kind: 'run' }>): Promise<number> {
  const [loadBefore = 0] = loadavg();
  const cpus = availableParallelism();
  if (loadBefore > cpus / 2) {
    console.error(`This machine is busy (load ${loadBefore.toFixed(1)}): the figures will say little.`);
  }
  const startedAt = new Date();
  const started = performance.now();
  const secondsSinceStart = (): number => (performance.now() - started) / 1_000;
  const rows: BenchRow[] = [];
  let failed = 0;
  for (const {
    bench: { name, measure },
    values,
  } of benches) {
    const say = (line: string): void =>
      console.error(`${secondsSinceStart().toFixed(0)} s  ${name}: ${line}`);
    try {
      rows.push(...(await measure(values, say)));
    } catch (error) {
      failed += 1;
      say(`failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const machine = {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpus,
    loadBefore,
  };
  await writeFile(jsonFile, resultsText({ startedAt, seconds: secondsSinceStart(), machine, rows }));
  process.stdout.write(benchTable(rows, tableWidth(process.stdout)));
  console.error(`The same as JSON: ${path.relative(process.cwd(), jsonFile)}`);
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
