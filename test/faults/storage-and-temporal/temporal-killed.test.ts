import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import type { CommandResult } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const ROWS = 40;

/** Runs `use` with separate servers and a separate worker. */
async function withEngine(use: (engine: TestEngine) => Promise<void>): Promise<void> {
  const engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 300, max: 900 } } });
  try {
    await engine.startWorker();
    await use(engine);
  } finally {
    await engine.stop();
  }
}

async function submit(engine: TestEngine, name: string): Promise<CommandResult> {
  const rows = Array.from({ length: ROWS }, (_, row) => `${name} ${row}`).join('\n');
  await writeFile(path.join(engine.folder.path, `${name}.csv`), `prompt\n${rows}\n`);
  const submitted = await runInProcess(['submit', `${name}.csv`, '--concurrency', '5', '--yes'], {
    cwd: engine.folder.path,
    variables: engine.variables,
  });
  expect(submitted).toMatchObject({ code: 0, stderr: expect.stringContaining('Started.') });
  return submitted;
}

async function jobsAreMade(engine: TestEngine): Promise<void> {
  await eventually(() => engine.sandbox.stats().jobsMade >= 10, {
    what: 'ten jobs are made',
    withinMs: 30_000,
  });
}

async function expectCompleted(engine: TestEngine, batchId: string, fault: string): Promise<void> {
  const faultOver = performance.now();
  const handle = engine.stack.temporal.client.workflow.getHandle(batchWorkflowId(batchId as BatchId));
  expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
  await expectRecovered(engine, { fault, batchId, rows: ROWS, faultOver });
}

describe('a batch whose Temporal', { timeout: 400_000 }, () => {
  it.concurrent('is killed and restarted with its file continues on the same worker', () =>
    withEngine(async (engine) => {
      await submit(engine, 'killed');
      await jobsAreMade(engine);
      await engine.stack.temporal.kill();
      await engine.stack.temporal.restart();
      await expectCompleted(engine, 'killed', 'Temporal SIGKILL, started again over its file');
    }));

  it.concurrent('is killed together with the worker continues when both are back', () =>
    withEngine(async (engine) => {
      await submit(engine, 'both');
      await jobsAreMade(engine);
      await Promise.all([engine.stack.temporal.kill(), engine.workers.at(-1)?.end('SIGKILL')]);
      await engine.stack.temporal.restart();
      await engine.startWorker();
      await expectCompleted(engine, 'both', 'Temporal and worker SIGKILL together');
    }));

  it.concurrent('loses its data is finished by submitting it again, from the bucket alone', () =>
    withEngine(async (engine) => {
      await submit(engine, 'emptied');
      await jobsAreMade(engine);
      await engine.stack.temporal.restartEmpty();
      await submit(engine, 'emptied');
      await expectCompleted(engine, 'emptied', 'Temporal emptied, sheet submitted again');
    }));
});
