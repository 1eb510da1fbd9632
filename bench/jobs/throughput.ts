import { startTestEngine } from '../../test/support/stack/test-engine.js';
import type { TestStack } from '../../test/support/stack/test-stack.js';
import { measureBatch, OWN_LIMITS, rowsPerSecond } from '../measure/bench-batch.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { cpuMsOf, peakBytesOf, perRow } from '../measure/process-usage.js';
import { CHILD_WORKFLOWS, PROMISE_POOL, runPeer, type ImagePeer } from '../peers/run-peer.js';
import type { Say } from '../program/bench.js';
import { peerOf, type BenchRow } from '../program/row.js';

/** Until the code is compiled, and the worker knows how long jobs take. */
const WARM_UP_ROWS = 200;
const PEER_POLL_MS = 20;

/** Their figures are per row, and some of them are slow. */
const MOST_PEER_ROWS = 2_000;

/** What the servers need for a row, each undefined where there is no /proc. */
interface CpuPerRow {
  readonly temporal: number | undefined;
  readonly s3: number | undefined;
}

/**
 * Measures how many rows a second pass if jobs take no time, with small images and without thumbnails, and what each
 * costs the worker, Temporal and S3; beside two peers that poll every 20 ms.
 */
export async function benchThroughput(
  { rows, concurrency }: { readonly rows: number; readonly concurrency: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const engine = await startTestEngine({ sandbox: { seed: 'bench', jobTimeMs: { min: 0, max: 0 } } });
  try {
    const { stack, sandbox } = engine;
    const worker = await engine.startWorker({ variables: OWN_LIMITS });
    const args = ['--concurrency', String(concurrency), '--no-thumbnails'];
    const warmUp = numberedPrompts('warm-up', WARM_UP_ROWS);
    const prompts = numberedPrompts('throughput', rows);
    say(`a batch of ${WARM_UP_ROWS} rows to warm up`);
    await measureBatch(engine, { id: 'warm-up', prompts: warmUp, args });

    say(`a batch of ${rows} rows`);
    const workerBefore = cpuMsOf(worker.pid);
    const { result: batch, ...cpu } = await withServersCpu(stack, rows, () =>
      measureBatch(engine, { id: 'throughput', prompts, args }),
    );
    const workerCpu = perRow(workerBefore, cpuMsOf(worker.pid), rows);
    const workerPeak = peakBytesOf(worker.pid);
    // It would take CPU time from the peers by polling for tasks.
    await worker.end('SIGTERM');

    const peerPrompts = prompts.slice(0, MOST_PEER_ROWS);
    const peerRows = peerPrompts.length;
    const measurePeer = async (peer: ImagePeer) => {
      say(`${peerRows} rows by ${peer.name}`);
      return withServersCpu(stack, peerRows + WARM_UP_ROWS, () =>
        runPeer(peer, stack, {
          apiUrl: sandbox.apiUrl,
          concurrency,
          pollMs: PEER_POLL_MS,
          warmUp: [...warmUp],
          prompts: peerPrompts,
        }),
      );
    };
    const pool = await measurePeer(PROMISE_POOL);
    const children = await measurePeer(CHILD_WORKFLOWS);

    const bench = 'throughput';
    const what = `rows per second, ${rows} rows whose jobs take no time, ${concurrency} at a time`;
    const ours = rowsPerSecond(rows, batch);
    const [poolName, childrenName] = [PROMISE_POOL.name, CHILD_WORKFLOWS.name];
    return [
      {
        bench,
        what,
        unit: 'rows/s',
        ours,
        peer: peerOf(poolName, rowsPerSecond(peerRows, pool.result)),
        ratioOf: 'ours ÷ peer',
      },
      {
        bench,
        what: `${what}, beside Temporal's usual form`,
        unit: 'rows/s',
        ours,
        peer: peerOf(childrenName, rowsPerSecond(peerRows, children.result)),
        ratioOf: 'ours ÷ peer',
      },
      {
        bench,
        what: 'CPU time of the worker per row',
        unit: 'ms',
        ours: workerCpu,
        peer: peerOf(childrenName, children.result.cpuMs / peerRows),
        ratioOf: 'peer ÷ ours',
      },
      {
        bench,
        what: 'CPU time of Temporal per row',
        unit: 'ms',
        ours: cpu.temporal,
        peer: peerOf(childrenName, children.temporal),
        ratioOf: 'peer ÷ ours',
      },
      {
        bench,
        what: 'CPU time of S3 per row',
        unit: 'ms',
        ours: cpu.s3,
        peer: peerOf(poolName, pool.s3),
        ratioOf: 'peer ÷ ours',
      },
      {
        bench,
        what: 'history events per row',
        unit: 'events',
        ours: batch.events / rows,
        peer: peerOf(childrenName, perRow(0, children.result.events, peerRows)),
        ratioOf: 'peer ÷ ours',
      },
      {
        bench,
        what: 'peak memory of the worker',
        unit: 'bytes',
        ours: workerPeak,
        peer: peerOf(childrenName, children.result.peakBytes),
        ratioOf: 'peer ÷ ours',
      },
    ];
  } finally {
    await engine.stop();
  }
}

/** Does some work for so many rows, and measures what it costs the servers. */
async function withServersCpu<Result>(
  { temporal, s3 }: TestStack,
  rows: number,
  work: () => Promise<Result>,
): Promise<CpuPerRow & { readonly result: Result }> {
  const [temporalBefore, s3Before] = [cpuMsOf(temporal.pid()), cpuMsOf(s3.pid())];
  const result = await work();
  return {
    result,
    temporal: perRow(temporalBefore, cpuMsOf(temporal.pid()), rows),
    s3: perRow(s3Before, cpuMsOf(s3.pid()), rows),
  };
}
