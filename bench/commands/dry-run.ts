import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { startTestEngine } from '../../test/support/stack/test-engine.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';
import { measureCommand } from './measured-command.js';

const CSV_PARSE = path.resolve(import.meta.dirname, '../peers/parse-csv.mjs');
const PARSER_NAME = 'csv-parse';

/** Measures a dry run of a large sheet beside csv-parse alone over the same file. */
export async function benchDryRun(
  { rows }: { readonly rows: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const engine = await startTestEngine({ sandbox: { seed: 'bench' } });
  try {
    const { folder, variables } = engine;
    const sheet = path.join(folder.path, 'large.csv');
    say(`writing a sheet of ${rows} rows`);
    await pipeline(Readable.from(sheetLines(rows)), createWriteStream(sheet));
    const cwd = folder.path;
    say('csv-parse');
    const parser = await measureCommand([sheet], { cwd, program: CSV_PARSE });
    say('the dry run');
    const ours = await measureCommand(['submit', sheet, '--dry-run'], { cwd, variables });
    const common = { bench: 'dry-run', ratioOf: 'ours ÷ peer' } as const;
    return [
      {
        ...common,
        what: `time of a dry run of ${rows} rows`,
        unit: 's',
        ours: ours.wallMs / 1_000,
        peer: { name: PARSER_NAME, figure: parser.wallMs / 1_000 },
      },
      {
        ...common,
        what: `CPU time of a dry run of ${rows} rows`,
        unit: 's',
        ours: ours.cpuMs / 1_000,
        peer: { name: PARSER_NAME, figure: parser.cpuMs / 1_000 },
      },
      {
        ...common,
        what: `peak memory of a dry run of ${rows} rows`,
        unit: 'bytes',
        ours: ours.peakBytes,
        peer: { name: PARSER_NAME, figure: parser.peakBytes },
      },
    ];
  } finally {
    await engine.stop();
  }
}

function* sheetLines(rows: number): Iterable<string> {
  yield 'id,prompt,aspect_ratio,mood\n';
  for (let row = 1; row <= rows; row += 1) {
    yield `row-${row},"a lighthouse number ${row} in a storm, painted in oil",16:9,mood ${row % 7}\n`;
  }
}
