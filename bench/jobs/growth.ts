import { startTestEngine } from '../../test/support/stack/test-engine.js';
import { measureBatch, OWN_LIMITS, rowsPerSecond } from '../measure/bench-batch.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { cpuMsOf, peakBytesOf, perRow } from '../measure/process-usage.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';

const WARM_UP_ROWS = 200;

interface Measured {
  readonly perSecond: number;
  readonly cpuMs: number | undefined;
  readonly peakBytes: number | undefined;
}

/**
 * Measures whether a row of a long batch costs as much as one of a short batch: rows whose jobs take no time, small
 * images, no thumbnails, one worker. The limit of each figure is that of the short batch, which runs first.
 */
export async function benchGrowth(
  {
    rows,
    short,
    concurrency,
  }: { readonly rows: number; readonly short: number; readonly concurrency: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const engine = await startTestEngine({ sandbox: { seed: 'bench', jobTimeMs: { min: 0, max: 0 } } });
  try {
    const worker = await engine.startWorker({ variables: OWN_LIMITS });
    const args = ['--concurrency', String(concurrency), '--no-thumbnails'];
    const measure = async (id: string, count: number): Promise<Measured> => {
      say(`a batch of ${count} rows`);
      const before = cpuMsOf(worker.pid);
      const batch = await measureBatch(engine, { id, prompts: numberedPrompts(id, count), args });
      return {
        perSecond: rowsPerSecond(count, batch),
        cpuMs: perRow(before, cpuMsOf(worker.pid), count),
        peakBytes: peakBytesOf(worker.pid),
      };
    };
    await measure('warm-up', WARM_UP_ROWS);
    const first = await measure('short', short);
    const long = await measure('long', rows);
    const bench = 'growth';
    const what = `of ${rows} rows whose jobs take no time; limit: the same of ${short} rows`;
    return [
      {
        bench,
        what: `rows per second ${what}`,
        unit: 'rows/s',
        ours: long.perSecond,
        limit: first.perSecond,
        ratioOf: 'ours ÷ limit',
      },
      {
        bench,
        what: `CPU time of the worker per row ${what}`,
        unit: 'ms',
        ours: long.cpuMs,
        limit: first.cpuMs,
        ratioOf: 'limit ÷ ours',
      },
      {
        bench,
        what: `peak memory of the worker ${what}`,
        unit: 'bytes',
        ours: long.peakBytes,
        limit: first.peakBytes,
        ratioOf: 'limit ÷ ours',
      },
    ];
  } finally {
    await engine.stop();
  }
}
