import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { logTemporalTo } from '../../../src/activities/worker/process/temporal-log.js';
import type { TestEngine } from './test-engine.js';

// A worker that cannot continue anything would log so much that test output is lost.
logTemporalTo(pino({ level: 'silent' }));

/** Starts a worker of another build in this process, which runs only workflows. */
export async function startOtherBuild({
  stack: { temporal },
  taskQueue,
}: Pick<TestEngine, 'stack' | 'taskQueue'>): Promise<{ readonly stop: () => Promise<void> }> {
  const { address, namespace } = temporal;
  const connection = await NativeConnection.connect({ address });
  const workflowsPath = fileURLToPath(new URL('other-build.ts', import.meta.url));
  const workflowBundle = await bundleWorkflowCode({ workflowsPath });
  const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle });
  const ended = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await ended;
      await connection.close();
    },
  };
}
