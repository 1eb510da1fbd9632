import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import {
  bundleWorkflowCode,
  NativeConnection,
  Worker,
  type WorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { Logger } from 'pino';
import { z } from 'zod';
import { ByteBudget } from './activities/byte-budget.js';
import type { ActivityDependencies } from './activities/dependencies.js';
import { DEFAULT_LIMITS, type ActivityLimits } from './activities/limits.js';
import { createActivities } from './activities/index.js';
import { PollTurns } from './activities/poll-turns.js';
import { behindGate, RequestGate } from './activities/request-gate.js';
import { bucketReach, outOfReachText } from './bananahub/bucket-reach.js';
import { createDownloadAgent } from './bananahub/download-agent.js';
import { lookAtRun } from './batch/look-at-batch.js';
import type { StatusAccess } from './batch/batch-status.js';
import { openBatchesSince } from './batch/open-batches.js';
import { createBananaHubClient } from './bananahub/http-client.js';
import { downloadImage } from './bananahub/image-download.js';
import { isPrivateHost } from './bananahub/private-address.js';
import type { ApiConfig, BucketConfig, TemporalConfig } from './config.js';
import { UsageError } from './errors.js';
import { ShardRows } from './ledger/shard-rows.js';
import type { NoticeConfig } from './notices/notice-config.js';
import { createNoticeSender } from './notices/notice-sender.js';
import { startDelivery } from './notices/start-delivery.js';
import { followPollRate } from './shared-poll-rate.js';
import { createS3ObjectStore } from './storage/s3-object-store.js';
import { startReceiver, type ListenAddress } from './webhooks/receiver.js';
import type { WebhookConfig } from './webhooks/webhook-config.js';
import { workerWebhooks } from './webhooks/worker-webhooks.js';
import { WORKER_ROLES, type WorkerRole } from './worker-roles.js';
import { taskQueues } from './workflows/names.js';

export interface StartWorkerOptions {
  readonly temporal: TemporalConfig;
  readonly bucket: BucketConfig;
  readonly api: ApiConfig;
  readonly taskQueue: string;
  readonly log: Logger;
  readonly roles?: readonly WorkerRole[];
  readonly limits?: Partial<ActivityLimits>;
  /** Memory that image bodies may take together. Default 256 MB. */
  readonly imageBytes?: number;
  /** Creates ask the service to tell the end of their jobs there. */
  readonly webhooks?: WebhookConfig | undefined;
  /** Receives what it tells, in this process. Needs `webhooks`. */
  readonly listen?: ListenAddress;
  /** Who is told how batches fare. */
  readonly notices?: NoticeConfig | undefined;
}

/** A worker at work. */
export interface RunningWorker {
  /** Ends when the worker has ended; rejects where it ended by itself because of an error. */
  readonly done: Promise<void>;
  /** Lets what is under way end or be handed back, for at most half a minute, and waits for it. May be called again. */
  stop(): Promise<void>;
}

const IMAGE_BYTES = 256 * 1024 * 1024;
const DEADLINE_MS = 10_000;
// gRPC's code NOT_FOUND.
const NotFound = z.object({ code: z.literal(5) });

/** Connects and starts working. Throws a UsageError where Temporal, the bucket or the configuration does not let it. */
export async function startWorker(options: StartWorkerOptions): Promise<RunningWorker> {
  const { temporal, bucket, api, taskQueue, log } = options;
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const connection = await connect(temporal);
    closers.push(() => connection.close());
    await checkNamespace(connection, temporal);
    const store = createS3ObjectStore(bucket.s3);
    closers.push(() => store.close());
    await store.checkBucket(bucket.bucket);
    const client = createBananaHubClient(api);
    closers.push(() => client.close());
    const allowPrivateAddresses =
      api.allowPrivateAddresses === true || (await isPrivateHost(new URL(api.baseUrl).hostname));
    const { endpoint } = bucket.s3;
    const outOfReach = endpoint !== undefined && (await bucketReach(endpoint, api)) === 'out-of-reach';
    const agent = createDownloadAgent({ allowPrivateAddresses });
    closers.push(() => agent.destroy());
    const [gate, pollTurns] = [new RequestGate(), new PollTurns()];
    const stopFollowing = followPollRate({
      connection,
      namespace: temporal.namespace,
      taskQueue,
      pollTurns,
    });
    closers.push(stopFollowing);
    const budget = new ByteBudget(options.imageBytes ?? IMAGE_BYTES);
    const webhooks = options.webhooks && workerWebhooks(options.webhooks);
    const temporalClient = new Client({ connection, namespace: temporal.namespace });
    const activities = createActivities({
      store,
      api: client,
      ...(webhooks && { webhooks }),
      ...(options.notices &&
        workerNotices(options.notices, { client: temporalClient, store, taskQueue }, closers)),
      downloadImage: (url, signal) =>
        downloadImage(url, { agent, signal, reserveBytes: (sizeBytes) => budget.reserve(sizeBytes) }),
      openBatchesSince: (sinceIso) => openBatchesSince(temporalClient, sinceIso),
      ...(outOfReach && { inputsOutOfReach: outOfReachText(endpoint, api) }),
      log,
      gate,
      pollTurns,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
    });
    const workers = await createWorkers(options.roles ?? WORKER_ROLES, {
      connection,
      namespace: temporal.namespace,
      activities,
      taskQueue,
    });
    if (options.webhooks && options.listen) {
      const { webhooks: config, listen } = options;
      const parts = {
        api: behindGate(client, gate),
        client: temporalClient,
        ...(webhooks && { awaited: webhooks.awaited }),
      };
      const receiver = await startReceiver({ listen, webhooks: config, parts, log });
      closers.push(() => receiver.close());
    }
    return run(workers, closeAll);
  } catch (error) {
    // What cannot be closed any more must not hide what went wrong.
    await closeAll().catch(() => undefined);
    throw error;
  }
}

/** Word of how batches fare goes through Temporal, and from one of the workers to the receiver. */
function workerNotices(
  config: NoticeConfig,
  access: Omit<StatusAccess, 'shardRows'>,
  closers: (() => Promise<void> | void)[],
): Required<Pick<ActivityDependencies, 'tell' | 'notices' | 'lookAtRun'>> {
  const notices = createNoticeSender(config);
  closers.push(() => notices.close());
  const shardRows = new ShardRows(access.store);
  return {
    notices,
    tell: (notice) => startDelivery(access.client, access.taskQueue, notice),
    lookAtRun: (run) => lookAtRun({ ...access, shardRows }, run),
  };
}

async function connect({ connection, address }: TemporalConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(connection);
  } catch (cause) {
    throw new UsageError(
      `Temporal at ${address} does not answer. Start it, or set TEMPORAL_ADDRESS to where it is.`,
      { cause },
    );
  }
}

/** A worker of a namespace that does not exist would wait for ever and say nothing. Throws a UsageError for one. */
async function checkNamespace(
  connection: NativeConnection,
  { address, namespace }: TemporalConfig,
): Promise<void> {
  try {
    await connection.withDeadline(Date.now() + DEADLINE_MS, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
  } catch (cause) {
    // Credentials that may work in a namespace need not be allowed to describe it.
    if (!NotFound.safeParse(cause).success) return;
    throw new UsageError(
      `Temporal at ${address} has no namespace "${namespace}". Correct TEMPORAL_NAMESPACE, or create it: temporal operator namespace create -n ${namespace}`,
      { cause },
    );
  }
}

async function createWorkers(
  roles: readonly WorkerRole[],
  shared: {
    readonly connection: NativeConnection;
    readonly namespace: string;
    readonly activities: ReturnType<typeof createActivities>;
    readonly taskQueue: string;
  },
): Promise<readonly Worker[]> {
  const { connection, namespace, taskQueue } = shared;
  const queues = taskQueues(taskQueue);
  const workflowBundle = roles.includes('main') ? await workflowCode() : undefined;
  const { ingest, leaseBudget, reportCanary, seal, openShard, recordOutcomes } = shared.activities;
  const { recordLostShard, probe, rebindAccount } = shared.activities;
  const { createGeneration, awaitGeneration, storeImage } = shared.activities;
  const { watchBatch, tellEnd, postNotice } = shared.activities;
  const optionsOf: Record<WorkerRole, Partial<WorkerOptions>> = {
    main: {
      ...(workflowBundle && { workflowBundle }),
      activities: {
        ingest,
        leaseBudget,
        reportCanary,
        seal,
        openShard,
        recordOutcomes,
        recordLostShard,
        probe,
        rebindAccount,
        tellEnd,
        postNotice,
      },
      shutdownGraceTime: '5 seconds',
    },
    create: {
      activities: { createGeneration },
      maxConcurrentActivityTaskExecutions: 200,
      shutdownGraceTime: '15 seconds',
    },
    await: { activities: { awaitGeneration, watchBatch }, maxConcurrentActivityTaskExecutions: 1000 },
    store: {
      activities: { storeImage },
      maxConcurrentActivityTaskExecutions: 64,
      shutdownGraceTime: '15 seconds',
    },
  };
  return Promise.all(
    roles.map((role) =>
      Worker.create({
        connection,
        namespace,
        taskQueue: queues[role],
        // How soon a running activity learns that it was cancelled.
        maxHeartbeatThrottleInterval: '10 seconds',
        shutdownForceTime: '30 seconds',
        ...optionsOf[role],
      }),
    ),
  );
}

const BUILT_BUNDLE = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));

let bundled: Promise<WorkflowBundle> | undefined;

/** The workflows' code: as built beside this file, or bundled from source once a process. */
async function workflowCode(): Promise<NonNullable<WorkerOptions['workflowBundle']>> {
  if (existsSync(BUILT_BUNDLE)) return { codePath: BUILT_BUNDLE };
  bundled ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)),
  });
  return bundled;
}

async function endOf(runs: readonly Promise<void>[], closeAll: () => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(runs);
  await closeAll();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function run(workers: readonly Worker[], closeAll: () => Promise<void>): RunningWorker {
  const stopAll = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) =>
    // One that ends takes the others with it: half a worker would leave rows waiting.
    worker.run().finally(stopAll),
  );
  const done = endOf(runs, closeAll);
  done.catch(() => undefined);
  return {
    done,
    stop: async () => {
      stopAll();
      await done.catch(() => undefined);
    },
  };
}
