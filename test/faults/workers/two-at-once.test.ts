import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { runCommand } from '../../support/commands/command-line.js';
import { puts, touches } from '../../support/services/fault-answers.js';
import { startFaultProxy, type Match, type TapMoment } from '../../support/services/fault-proxy.js';
import { startBatch } from '../../support/batches/start-batch.js';
import { startProxiedEngine, type ProxiedEngine } from '../../support/stack/test-engine.js';
import { startTestStack, type TestStack } from '../../support/stack/test-stack.js';

const ROWS = 40;

const KILLS: readonly { match: Match; moment: TapMoment }[] = [
  { match: puts('/images/train/'), moment: 'after' },
  { match: touches('/rows/'), moment: 'before' },
  { match: puts('/images/train/'), moment: 'before' },
];

describe('two at the same time', { timeout: 400_000 }, () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack?.stop());

  async function withEngine(use: (engine: ProxiedEngine) => Promise<void>): Promise<void> {
    const engine = await startProxiedEngine({ stack, sandbox: { jobTimeMs: { min: 300, max: 900 } } });
    try {
      await use(engine);
    } finally {
      await engine.stop();
    }
  }

  it.concurrent('workers, one of which is killed repeatedly, lose no row and pay none twice', () =>
    withEngine(async (engine) => {
      // The victim reaches the bucket by its own proxy: events there concern only the victim.
      const victims = await startFaultProxy();
      try {
        victims.forwardTo(stack.s3.endpoint);
        // It leaves copying to the victims, so that each has work.
        await engine.startWorker({ roles: ['main', 'create', 'await'] });
        const handle = await startBatch(stack, {
          name: 'victims',
          taskQueue: engine.taskQueue,
          apiUrl: engine.apiUrl,
          prompts: Array.from({ length: ROWS }, (_, row) => `victims ${row}`),
          settings: { concurrency: 12 },
        });
        for (const { match, moment } of KILLS) {
          const victim = await engine.startWorker({ variables: { AWS_ENDPOINT_URL_S3: victims.origin } });
          const kill = victims.tap(match, moment, async () => {
            await victim.end('SIGKILL');
            return 'drop';
          });
          await kill.happened;
        }
        const faultOver = performance.now();
        await engine.startWorker();
        expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
        const fault = 'one of two workers SIGKILLed three times';
        await expectRecovered(engine, { fault, batchId: 'victims', rows: ROWS, faultOver });
      } finally {
        await victims.close();
      }
    }));

  it.concurrent('submissions of one id start one run, which buys each row once', () =>
    withEngine(async (engine) => {
      const { folder, variables } = engine;
      await engine.startWorker();
      const rows = Array.from({ length: ROWS }, (_, row) => `twins ${row}`).join('\n');
      await writeFile(path.join(folder.path, 'twins.csv'), `prompt\n${rows}\n`);
      const submit = () => runCommand(['submit', 'twins.csv'], { cwd: folder.path, variables });
      const faultOver = performance.now();
      const both = await Promise.all([submit(), submit()]);
      expect(both.filter(({ stderr }) => stderr.includes('Started.'))).toHaveLength(1);
      const handle = stack.temporal.client.workflow.getHandle(batchWorkflowId('twins' as BatchId));
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
      const fault = 'two submits of one id at once';
      const { jobs } = await expectRecovered(engine, { fault, batchId: 'twins', rows: ROWS, faultOver });
      expect(jobs).toBe(ROWS);
    }));
});
