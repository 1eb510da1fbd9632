import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import {
  bundleWorkflowCode,
  Worker,
  type NativeConnection,
  type WorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { FiringActivities } from './workflows/protocol/firing-activities.js';
import type { Activities } from './workflows/protocol/activities.js';
import type { WorkerRole } from './activities/worker/process/roles.js';
import { taskQueues } from './workflows/protocol/names.js';
import { workerIdentity } from './status/worker-identity.js';

/** A worker for each role, on its queue; the caller runs them. The first with workflows bundles their code, unless it is built. */
export async function createWorkers(
  roles: readonly WorkerRole[],
  shared: {
    readonly connection: NativeConnection;
    readonly namespace: string;
    readonly activities: Activities & FiringActivities;
    readonly taskQueue: string;
  },
): Promise<readonly Worker[]> {
  setFlagsFromString(HEAP_GROWTH);
  const { connection, namespace, taskQueue } = shared;
  const queues = taskQueues(taskQueue);
  const workflowBundle = roles.includes('main') ? await workflowCode() : undefined;
  const { createGeneration, storeImage, ...others } = shared.activities;
  const { awaitGeneration, findJob, watchBatch, followFiring, ...main } = others;
  const optionsOf: Record<WorkerRole, Partial<WorkerOptions>> = {
    main: {
      ...(workflowBundle && { workflowBundle }),
      activities: main,
      shutdownGraceTime: '5 seconds',
    },
    create: {
      activities: { createGeneration },
      maxConcurrentActivityTaskExecutions: 200,
      shutdownGraceTime: '15 seconds',
    },
    await: {
      activities: { awaitGeneration, findJob, watchBatch, followFiring },
      maxConcurrentActivityTaskExecutions: 1000,
    },
    store: {
      activities: { storeImage },
      maxConcurrentActivityTaskExecutions: 64,
      shutdownGraceTime: '15 seconds',
    },
  };
  return withoutStackTraces(() =>
    Promise.all(
      roles.map((role) =>
        Worker.create({
          connection,
          namespace,
          taskQueue: queues[role],
          identity: workerIdentity(),
          // How soon a running activity notices that it was cancelled.
          maxHeartbeatThrottleInterval: '10 seconds',
          shutdownForceTime: '30 seconds',
          ...optionsOf[role],
        }),
      ),
    ),
  );
}

/**
 * The heap is collected when it is twice as large as what was left last time; by default V8 lets it grow to four times
 * that, which was 200 MB of a worker's memory.
 */
const HEAP_GROWTH = '--heap-growing-percent=100';

const STACK_TRACE_LIMIT = '--stack-trace-limit';

/**
 * Runs `create` such that workflows have no stack traces. Temporal's SDK takes one for each promise, which was more
 * than half of their CPU time (SDK 1.24). `NODE_OPTIONS=--stack-trace-limit=10` keeps them.
 */
async function withoutStackTraces<T>(create: () => Promise<T>): Promise<T> {
  const options = [process.env['NODE_OPTIONS'] ?? '', ...process.execArgv];
  if (options.some((option) => option.includes(STACK_TRACE_LIMIT))) return create();
  // V8 reads it for each new context: existing code keeps its own limit.
  setFlagsFromString(`${STACK_TRACE_LIMIT}=0`);
  try {
    return await create();
  } finally {
    setFlagsFromString(`${STACK_TRACE_LIMIT}=10`);
  }
}

const BUILT_BUNDLE = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));

let bundled: Promise<WorkflowBundle> | undefined;

/** The workflows' code: built beside this file, or bundled from source once per process. */
async function workflowCode(): Promise<NonNullable<WorkerOptions['workflowBundle']>> {
  if (existsSync(BUILT_BUNDLE)) return { codePath: BUILT_BUNDLE };
  bundled ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)),
  });
  return bundled;
}
