import { startTestEngine } from '../../test/support/stack/test-engine.js';
import { measureBatch, OWN_LIMITS } from '../measure/bench-batch.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { cpuMsOf, difference, peakBytesOf } from '../measure/process-usage.js';
import { POOL_NAME, runPromisePool } from '../peers/promise-pool.js';
import type { Say } from '../program/bench.js';
import { peerOf, type BenchRow } from '../program/row.js';

/** Until the code is compiled, and the worker knows how long jobs take. */
const WARM_UP_ROWS = 200;
const POOL_POLL_MS = 20;

/**
 * Measures how many rows a second pass if jobs take no time, with small images and without thumbnails, and what each
 * costs the worker, Temporal and S3; beside a promise pool that polls every 20 ms.
 */
export async function benchThroughput(
  { rows, concurrency }: { readonly rows: number; readonly concurrency: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const engine = await startTestEngine({ sandbox: { seed: 'bench', jobTimeMs: { min: 0, max: 0 } } });
  try {
    const { temporal, s3 } = engine.stack;
    const worker = await engine.startWorker({ variables: OWN_LIMITS });
    const args = ['--concurrency', String(concurrency), '--no-thumbnails'];
    say(`a batch of ${WARM_UP_ROWS} rows to warm up`);
    await measureBatch(engine, { id: 'warm-up', prompts: numberedPrompts('warm-up', WARM_UP_ROWS), args });

    say(`a batch of ${rows} rows`);
    const pids = [worker.pid, temporal.pid(), s3.pid()];
    const before = pids.map(cpuMsOf);
    const prompts = numberedPrompts('throughput', rows);
    const { wallMs } = await measureBatch(engine, { id: 'throughput', prompts, args });
    const [workerMs, temporalMs, s3Ms] = pids.map((pid, index) => perRow(before[index], cpuMsOf(pid), rows));

    say(`the same by a promise pool`);
    const s3Before = cpuMsOf(s3.pid());
    const pool = await runPromisePool(s3, {
      apiUrl: engine.sandbox.apiUrl,
      concurrency,
      pollMs: POOL_POLL_MS,
      warmUp: [...numberedPrompts('warm-up', WARM_UP_ROWS)],
      prompts: [...prompts],
    });
    const poolS3Ms = perRow(s3Before, cpuMsOf(s3.pid()), rows + WARM_UP_ROWS);

    const bench = 'throughput';
    return [
      {
        bench,
        what: `rows per second, ${rows} rows whose jobs take no time, ${concurrency} at a time`,
        unit: 'rows/s',
        ours: rows / (wallMs / 1_000),
        peer: peerOf(POOL_NAME, rows / (pool.wallMs / 1_000)),
        ratioOf: 'ours ÷ peer',
      },
      {
        bench,
        what: 'CPU time of the worker per row',
        unit: 'ms',
        ours: workerMs,
        peer: peerOf(POOL_NAME, pool.cpuMs / rows),
        ratioOf: 'peer ÷ ours',
      },
      { bench, what: 'CPU time of Temporal per row', unit: 'ms', ours: temporalMs },
      {
        bench,
        what: 'CPU time of S3 per row',
        unit: 'ms',
        ours: s3Ms,
        peer: peerOf(POOL_NAME, poolS3Ms),
        ratioOf: 'peer ÷ ours',
      },
      {
        bench,
        what: 'peak memory of the worker',
        unit: 'bytes',
        ours: peakBytesOf(worker.pid),
        peer: peerOf(POOL_NAME, pool.peakBytes),
        ratioOf: 'peer ÷ ours',
      },
    ];
  } finally {
    await engine.stop();
  }
}

function perRow(before: number | undefined, after: number | undefined, rows: number): number | undefined {
  const usedMs = difference(before, after);
  return usedMs === undefined ? undefined : usedMs / rows;
}
