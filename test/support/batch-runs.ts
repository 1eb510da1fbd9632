import { createHash } from 'node:crypto';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import pino from 'pino';
import { parseBatchId } from '../../src/domain/ids.js';
import { startSandbox, type RunningSandbox, type SandboxOptions } from '../../src/sandbox/index.js';
import { SheetSettings } from '../../src/sheet/index.js';
import { at, inputKey, requestKey, type RunRef } from '../../src/storage/layout.js';
import { startWorker, type RunningWorker, type StartWorkerOptions } from '../../src/worker.js';
import { batchWorkflowId, type RunSettings } from '../../src/workflows/messages.js';
import type { runBatch } from '../../src/workflows/run-batch.js';
import { startTestStack, type TestStack } from './test-stack.js';

/** The task queue of all batches that `startBatchRuns` starts. */
export const TASK_QUEUE = 'batches';
const API_KEY = 'test-key';

const SETTINGS: RunSettings = {
  concurrency: 10,
  maxGenerations: 4,
  graceMs: 3_000,
  idempotencyHorizonMs: 86_400_000,
  probeFirstMs: 200,
  probeLongestMs: 400,
};

/** Real servers with a sandbox and a worker in this process, on which a test runs batches by their workflows alone. */
export interface BatchRuns {
  readonly stack: TestStack;
  readonly sandbox: RunningSandbox;
  /** Starts the first run of a batch over prompts; its workflow's handle. */
  start(
    batchName: string,
    prompts: readonly string[],
    settings?: Partial<RunSettings>,
  ): Promise<WorkflowHandleWithFirstExecutionRunId<typeof runBatch>>;
  runOf(batchName: string): RunRef;
  stop(): Promise<void>;
}

export async function startBatchRuns(options: {
  readonly sandbox: SandboxOptions;
  readonly limits: StartWorkerOptions['limits'];
}): Promise<BatchRuns> {
  const [stack, sandbox] = await Promise.all([
    startTestStack(),
    startSandbox({ ...options.sandbox, keys: [API_KEY] }),
  ]);
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = stack.s3;
  const { address, namespace } = stack.temporal;
  const worker: RunningWorker = await startWorker({
    temporal: { origin: 'environment', connection: { address }, address, namespace },
    bucket: {
      origin: 'environment',
      bucket,
      prefix: '',
      s3: { endpoint, region, credentials: { accessKeyId, secretAccessKey } },
    },
    api: { origin: 'environment', baseUrl: sandbox.apiUrl, apiKey: API_KEY },
    taskQueue: TASK_QUEUE,
    log: pino({ level: 'error' }),
    ...(options.limits && { limits: options.limits }),
  });
  const runOf = (batchName: string): RunRef => {
    const batchId = parseBatchId(batchName);
    if (!batchId) throw new Error(`${batchName} is no batch id.`);
    return { bucket, prefix: '', batchId, runSeq: 1 };
  };
  return {
    stack,
    sandbox,
    runOf,
    start: async (batchName, prompts, settings = {}) => {
      const run = runOf(batchName);
      const sheet = Buffer.from(`prompt\n${prompts.join('\n')}\n`);
      const sheetKey = inputKey(run, createHash('sha256').update(sheet).digest('hex'), 'csv');
      const request = {
        sheetKey,
        sheetName: 'sheet.csv',
        sheet: SheetSettings.parse({}),
        submittedAt: new Date().toISOString(),
      };
      await stack.s3.store.put(at(run, sheetKey), sheet, { contentType: 'text/csv' });
      await stack.s3.store.put(at(run, requestKey(run, 1)), Buffer.from(JSON.stringify(request)), {
        contentType: 'application/json',
      });
      return stack.temporal.client.workflow.start<typeof runBatch>('runBatch', {
        workflowId: batchWorkflowId(run.batchId),
        taskQueue: TASK_QUEUE,
        args: [{ run, settings: { ...SETTINGS, ...settings } }],
      });
    },
    stop: async () => {
      await worker.stop();
      await sandbox.close();
      await stack.stop();
    },
  };
}
