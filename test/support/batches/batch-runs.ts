import { randomUUID } from 'node:crypto';
import pino from 'pino';
import type { RunRef } from '../../../src/storage/layout.js';
import { logTemporalTo } from '../../../src/activities/worker/process/temporal-log.js';
import type { RunningWorker } from '../../../src/activities/worker/process/run-workers.js';
import { startWorker, type StartWorkerOptions } from '../../../src/worker.js';
import type { RunSettings } from '../../../src/domain/batch/run-settings.js';
import { QUICK_LIMITS } from '../commands/quick-limits.js';
import { firstRun, startBatch, type BatchHandle } from './start-batch.js';
import {
  startProxiedServices,
  startServices,
  TEST_API_KEY,
  type ProxiedServices,
  type ServicesOptions,
  type TestServices,
} from '../stack/test-services.js';
import { bucketConfig, temporalConfig } from '../stack/server-config.js';

// During faults Temporal's SDK would log so much that test output is lost.
logTemporalTo(pino({ level: 'silent' }));

export interface BatchRunsOptions extends ServicesOptions {
  /** Default: the worker's own. */
  readonly limits?: StartWorkerOptions['limits'];
}

/** Real servers with a sandbox and a worker in this process, on which a test runs batches by their workflows alone. */
export interface BatchRuns extends TestServices {
  /** The task queue of its worker. */
  readonly taskQueue: string;
  /** Starts the first run of a batch over prompts; its workflow's handle. */
  start(batchName: string, prompts: readonly string[], settings?: Partial<RunSettings>): Promise<BatchHandle>;
  runOf(batchName: string): RunRef;
}

export async function startBatchRuns(options: BatchRunsOptions): Promise<BatchRuns> {
  return runsOn(await startServices(options), options.limits);
}

/** Calls `use` with proxies between the worker and S3, the API and its image host, and closes them. */
export async function withProxiedRuns(
  options: BatchRunsOptions,
  use: (runs: BatchRuns & ProxiedServices) => Promise<void>,
): Promise<void> {
  const runs = await runsOn(await startProxiedServices(options), options.limits);
  try {
    await use(runs);
  } finally {
    await runs.stop();
  }
}

async function runsOn<Services extends TestServices>(
  services: Services,
  limits: StartWorkerOptions['limits'],
): Promise<Services & BatchRuns> {
  const { stack, s3Endpoint, apiUrl: baseUrl } = services;
  const taskQueue = `batches-${randomUUID()}`;
  const worker: RunningWorker = await startWorker({
    temporal: temporalConfig(stack.temporal),
    bucket: bucketConfig({ ...stack.s3, endpoint: s3Endpoint }),
    api: { origin: 'environment', baseUrl, apiKey: TEST_API_KEY },
    taskQueue,
    log: pino({ level: 'error' }),
    limits: { ...QUICK_LIMITS, ...limits },
  });
  return {
    ...services,
    taskQueue,
    runOf: (batchName) => firstRun(stack, batchName),
    start: (name, prompts, settings = {}) =>
      startBatch(stack, { name, taskQueue, apiUrl: baseUrl, prompts, settings }),
    stop: async () => {
      try {
        await worker.stop();
      } finally {
        await services.stop();
      }
    },
  };
}
