import { shardLength } from '../src/domain/batch/window.js';
import type { BatchId } from '../src/domain/rows/ids.js';
import { batchWorkflowId } from '../src/workflows/protocol/names.js';
import { countHistoryEvents } from '../test/support/batches/batch-evidence.js';
import { runCommand } from '../test/support/commands/command-line.js';
import { RARE_429S } from '../test/support/services/rare-429s.js';
import { startTestEngine } from '../test/support/stack/test-engine.js';

const ROWS = 1632;
const CONCURRENCY = 100;
const JOB_MS = 2000;

/** Runs a batch on local servers and prints its time against rows × job time ÷ concurrency, and its history events per image. */
async function measure(everything: number): Promise<void> {
  const engine = await startTestEngine({
    sandbox: {
      seed: 'bench',
      jobTimeMs: { min: JOB_MS, max: JOB_MS },
      everything,
      ...(everything > 0 && { rates: RARE_429S }),
    },
  });
  try {
    await engine.startWorker();
    const sheet = `prompt\n${Array.from({ length: ROWS }, (_, row) => `bench ${row}`).join('\n')}\n`;
    const args = ['submit', '-', '--id', 'bench', '--concurrency', String(CONCURRENCY)];
    const { folder, variables } = engine;
    const submitted = await runCommand(args, { cwd: folder.path, variables, input: sheet });
    if (submitted.code !== 0) throw new Error(submitted.stderr);
    const batchId = 'bench' as BatchId;
    const handle = engine.stack.temporal.client.workflow.getHandle(batchWorkflowId(batchId));
    await handle.result();
    const { startTime, closeTime } = await handle.describe();
    const run = { runSeq: 1, shardCount: Math.ceil(ROWS / shardLength(ROWS)) };
    const events = await countHistoryEvents(engine.stack.temporal.client, batchId, run);
    const seconds = ((closeTime?.getTime() ?? 0) - startTime.getTime()) / 1000;
    const ideal = (ROWS * JOB_MS) / CONCURRENCY / 1000;
    const facts = [
      `${seconds.toFixed(1)} s`,
      `${(seconds / ideal).toFixed(2)} × (rows × job time ÷ concurrency = ${ideal.toFixed(1)} s)`,
      `${((events.parent + events.shards) / ROWS).toFixed(2)} history events per image`,
      `${engine.sandbox.stats().jobsMade} jobs`,
    ];
    console.log(`misbehaviour ${everything * 100} % each (429s 0.1 %): ${facts.join(', ')}`);
  } finally {
    await engine.stop();
  }
}

/** Measures a batch without faults, and one in which everything misbehaves occasionally. */
export async function benchMainJob(): Promise<void> {
  for (const everything of [0, 0.03]) await measure(everything);
}
