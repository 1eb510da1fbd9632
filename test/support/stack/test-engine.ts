import { randomUUID } from 'node:crypto';
import { WORKER_ROLES, type WorkerRole } from '../../../src/activities/worker/process/roles.js';
import { readBatchStatus } from '../../../src/status/batch-status.js';
import type { BatchStatus } from '../../../src/status/status-document.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { bucketVariables } from './bucket-variables.js';
import { startCommand, type RunningCommand, type Variables } from '../commands/command-line.js';
import { temporaryFolder, type TemporaryFolder } from '../temporary-folder.js';
import {
  startProxiedServices,
  startServices,
  TEST_API_KEY,
  type ProxiedServices,
  type ServicesOptions,
  type TestServices,
} from './test-services.js';

/** Real servers, a sandbox, and the environment in which commands find them. */
export interface TestEngine extends TestServices {
  /** A batch's status as the command reads it, without starting one; throws for an unknown batch. */
  statusOf(batchId: string): Promise<BatchStatus>;
  /** An empty folder to run commands in. */
  readonly folder: TemporaryFolder;
  readonly variables: Variables;
  /** Only for this engine if several share a stack. */
  readonly taskQueue: string;
  /** The workers started so far. */
  readonly workers: readonly RunningCommand[];
  /** Starts a worker process; the caller may kill it, and `stop` ends it otherwise. */
  startWorker(options?: {
    /** Override the engine's. */
    readonly variables?: Variables;
    /** Default: all. */
    readonly roles?: readonly WorkerRole[];
    /** More arguments. */
    readonly args?: readonly string[];
  }): Promise<RunningCommand>;
}

/** An engine whose workers and commands reach S3, the API and its image host through proxies. */
export type ProxiedEngine = TestEngine & ProxiedServices;

export async function startTestEngine(options: ServicesOptions): Promise<TestEngine> {
  return engineOn(await startServices(options), taskQueueFor(options));
}

export async function startProxiedEngine(options: ServicesOptions): Promise<ProxiedEngine> {
  return engineOn(await startProxiedServices(options), taskQueueFor(options));
}

/** The default one, or a separate one if others use the same Temporal. */
function taskQueueFor({ stack }: ServicesOptions): string {
  return stack ? `test-${randomUUID()}` : 'banana-batch';
}

async function engineOn<Services extends TestServices>(
  services: Services,
  taskQueue: string,
): Promise<Services & TestEngine> {
  const { stack, s3Endpoint, apiUrl } = services;
  const folder = await temporaryFolder();
  const { bucket } = stack.s3;
  const engineVariables = {
    BANANA_TASK_QUEUE: taskQueue,
    TEMPORAL_ADDRESS: stack.temporal.address,
    ...bucketVariables({ ...stack.s3, endpoint: s3Endpoint }),
    BANANAHUB_BASE_URL: apiUrl,
    BANANAHUB_API_KEY: TEST_API_KEY,
  };
  const workers: RunningCommand[] = [];
  return {
    ...services,
    folder,
    variables: engineVariables,
    taskQueue,
    workers,
    statusOf: async (batchId) => {
      const { client } = stack.temporal;
      const location = { bucket, root: `${batchId}/`, batchId: batchId as BatchId };
      const status = await readBatchStatus({ client, store: stack.s3.store, taskQueue }, location);
      if (!status) throw new Error(`Nobody knows ${batchId}.`);
      return status;
    },
    startWorker: async ({ variables = {}, roles = WORKER_ROLES, args = [] } = {}) => {
      const worker = await startCommand(['worker', '--roles', roles.join(','), ...args], {
        cwd: folder.path,
        variables: { ...engineVariables, ...variables },
        ready: 'The worker is ready.',
      });
      workers.push(worker);
      return worker;
    },
    stop: async () => {
      try {
        await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
      } finally {
        await services.stop();
        await folder.remove();
      }
    },
  };
}
