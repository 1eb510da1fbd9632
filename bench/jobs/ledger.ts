import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchStatus } from '../../src/status/status-document.js';
import { runCommand } from '../../test/support/commands/command-line.js';
import { startTestEngine } from '../../test/support/stack/test-engine.js';
import { OWN_LIMITS } from '../measure/bench-batch.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { cpuMsOf, peakBytesOf, perRow } from '../measure/process-usage.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';

const BATCH = 'ledger';
const LOOK_MS = 500;

/**
 * Measures what a row costs that makes no image: a worker that may not create jobs reads the sheet into shards, then the
 * batch is cancelled, and every row is recorded and sealed.
 */
export async function benchLedger(
  { rows }: { readonly rows: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const engine = await startTestEngine({ sandbox: { seed: 'bench' } });
  try {
    const { folder, variables } = engine;
    const worker = await engine.startWorker({ roles: ['main'], variables: OWN_LIMITS });
    const command = async (...args: readonly string[]): Promise<void> => {
      const { code, stderr } = await runCommand(args, {
        cwd: folder.path,
        variables: { ...variables, ...OWN_LIMITS },
      });
      if (code !== 0) throw new Error(stderr);
    };
    /** The worker's CPU time for 1,000 rows, and the seconds, from a command until the batch's status is as expected. */
    const measure = async (args: readonly string[], isReached: (status: BatchStatus) => boolean) => {
      const [before, started] = [cpuMsOf(worker.pid), performance.now()];
      await command(...args);
      while (!isReached(await engine.statusOf(BATCH))) await delay(LOOK_MS);
      const cpuMs = perRow(before, cpuMsOf(worker.pid), rows / 1_000);
      return { seconds: (performance.now() - started) / 1_000, cpuMs };
    };
    const sheet = path.join(folder.path, 'sheet.csv');
    await writeFile(sheet, `prompt\n${numberedPrompts('ledger', rows).join('\n')}\n`);
    say(`a batch of ${rows} rows is submitted`);
    const ingest = await measure(['submit', sheet, '--id', BATCH], ({ total }) => total === rows);
    say('it is cancelled');
    const seal = await measure(['cancel', BATCH], ({ state }) => state === 'cancelled');
    const bench = 'ledger';
    return [
      ...[
        { name: 'submit and read into shards', ...ingest },
        { name: 'cancel, record and seal', ...seal },
      ].flatMap(({ name, seconds, cpuMs }): readonly BenchRow[] => [
        { bench, what: `time to ${name} ${rows} rows without images`, unit: 's', ours: seconds },
        {
          bench,
          what: `CPU time of the worker to ${name} 1,000 of them`,
          unit: 'ms',
          ours: cpuMs,
        },
      ]),
      { bench, what: 'peak memory of the worker', unit: 'bytes', ours: peakBytesOf(worker.pid) },
    ];
  } finally {
    await engine.stop();
  }
}
