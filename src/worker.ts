import { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { MemoryLimit } from './storage/byte-budget.js';
import type { ActivityDependencies } from './activities/worker/dependencies.js';
import { DEFAULT_LIMITS, type ActivityLimits } from './activities/limits.js';
import { createFiringActivities, createActivities } from './activities/index.js';
import { PollTurns } from './activities/worker/poll-turns.js';
import { behindGate, RequestGate } from './activities/worker/request-gate.js';
import { replacingUrls, SeenImageUrls } from './activities/worker/images/seen-image-urls.js';
import { bucketReach, outOfReachText } from './bananahub/bucket-reach.js';
import { createDownloadAgent } from './bananahub/images/download-agent.js';
import { observeRun } from './status/observe-run.js';
import type { StatusAccess } from './status/batch-status.js';
import { openBatchesSince } from './status/describe-batch.js';
import { settledInHistory } from './status/settled-in-history.js';
import { refuseIgnoredConditions } from './plan/submission-refusals.js';
import { createBananaHubClient } from './bananahub/http-client.js';
import { downloadImage } from './bananahub/images/image-download.js';
import { opensPrivateAddresses } from './network/private-address.js';
import type { ApiConfig, BucketConfig, TemporalConfig } from './config.js';
import type { PriceTable } from './domain/money/price-table.js';
import type { UsageError } from './errors.js';
import { knownSecrets } from './activities/worker/process/known-secrets.js';
import { ShardRows } from './ledger/shard-rows.js';
import type { NoticeConfig } from './status/notices/notice-config.js';
import { noticeOf } from './status/notices/notice-body.js';
import { createNoticeSender } from './status/notices/notice-sender.js';
import { startDelivery } from './status/notices/start-delivery.js';
import { runWorkers, type RunningWorker } from './activities/worker/process/run-workers.js';
import { followPollRate } from './activities/worker/shared-poll-rate.js';
import { createS3ObjectStore } from './storage/s3/s3-object-store.js';
import { createWorkers } from './task-workers.js';
import { startReceiver, type ListenAddress } from './bananahub/webhooks/receiver.js';
import type { WebhookConfig } from './bananahub/webhooks/webhook-config.js';
import { workerWebhooks } from './bananahub/webhooks/worker-webhooks.js';
import { connectWorker, missingNamespace } from './activities/worker/process/namespace.js';
import { WORKER_ROLES, type WorkerRole } from './activities/worker/process/roles.js';

export interface StartWorkerOptions {
  readonly temporal: TemporalConfig;
  readonly bucket: BucketConfig;
  readonly api: ApiConfig;
  readonly taskQueue: string;
  readonly log: Logger;
  readonly roles?: readonly WorkerRole[];
  readonly limits?: Partial<ActivityLimits>;
  /** Maximum total memory of image bodies. Default 256 MB. */
  readonly imageBytes?: number;
  /** Creates ask the service to report the end of their jobs there. */
  readonly webhooks?: WebhookConfig | undefined;
  /** Receives these reports in this process. Needs `webhooks`. */
  readonly listen?: ListenAddress;
  /** Prices of images: for the budgets of schedules. */
  readonly prices?: PriceTable | undefined;
  /** Where to send notices. */
  readonly notices?: NoticeConfig | undefined;
}

/** Temporal retries unanswered requests: three such attempts hold the batch within about a minute. */
const WORKER_S3 = { idleTimeoutMs: 20_000, repeatsSilence: false } as const;
const IMAGE_BYTES = 256 * 1024 * 1024;
/** The part of the image memory for making thumbnails; separate, since an image keeps its own memory until its thumbnail is made. */
const DECODING_SHARE = 2 / 3;

/** Connects and starts the workers. Throws a UsageError if Temporal, the bucket or the configuration prevents it. */
export async function startWorker(options: StartWorkerOptions): Promise<RunningWorker> {
  const { temporal, bucket, api, taskQueue, log } = options;
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const connection = await connectWorker(temporal);
    closers.push(() => connection.close());
    // A worker of a namespace that does not exist would wait for ever without an error.
    const missing = (): Promise<UsageError | undefined> => missingNamespace(connection, temporal);
    const fault = await missing();
    if (fault) throw fault;
    const store = createS3ObjectStore({ ...bucket.s3, ...WORKER_S3 });
    closers.push(() => store.close());
    await store.checkBucket(bucket.bucket);
    await refuseIgnoredConditions(store, bucket);
    const secrets = knownSecrets(options, process.env);
    const client = createBananaHubClient({ ...api, secrets });
    const { redact } = client;
    closers.push(() => client.close());
    const allowPrivateAddresses = await opensPrivateAddresses(api);
    const { endpoint } = bucket.s3;
    const outOfReach = endpoint !== undefined && (await bucketReach(endpoint, api)) === 'out-of-reach';
    const agent = createDownloadAgent({ allowPrivateAddresses });
    closers.push(() => agent.destroy());
    const [gate, pollTurns, imageUrls] = [new RequestGate(), new PollTurns(), new SeenImageUrls()];
    const stopFollowing = followPollRate({
      connection,
      namespace: temporal.namespace,
      taskQueue,
      pollTurns,
    });
    closers.push(stopFollowing);
    const imageBytes = options.imageBytes ?? IMAGE_BYTES;
    const decodeBytes = Math.floor(imageBytes * DECODING_SHARE);
    const budget = new MemoryLimit(imageBytes - decodeBytes);
    const webhooks = options.webhooks && workerWebhooks(options.webhooks);
    const temporalClient = new Client({ connection, namespace: temporal.namespace });
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const inputsOutOfReach = outOfReach ? { inputsOutOfReach: outOfReachText(endpoint, api) } : {};
    const told =
      options.notices &&
      workerNotices(options.notices, { client: temporalClient, store, taskQueue }, closers);
    const activities = createActivities({
      store,
      api: client,
      ...(webhooks && { webhooks }),
      ...told,
      downloadImage: (url, signal) =>
        downloadImage(url, { agent, signal, redact, reserveBytes: (sizeBytes) => budget.reserve(sizeBytes) }),
      decodeBytes,
      openBatchesSince: (sinceIso) => openBatchesSince(temporalClient, sinceIso),
      settledInHistory: (run, shard) => settledInHistory(temporalClient, run, shard),
      ...inputsOutOfReach,
      log,
      gate,
      pollTurns,
      imageUrls,
      limits,
    });
    const firingActivities = createFiringActivities({
      client: temporalClient,
      store,
      taskQueue,
      account: () => client.account,
      isSandbox: () => client.isSandbox(),
      prices: options.prices,
      allowPrivateAddresses,
      fetchMs: limits.firingFetchMs,
      ...inputsOutOfReach,
      notify: told && ((event, at) => told.notify(noticeOf(event, at))),
      log,
      limits,
    });
    const workers = await createWorkers(options.roles ?? WORKER_ROLES, {
      connection,
      namespace: temporal.namespace,
      activities: { ...activities, ...firingActivities },
      taskQueue,
    });
    if (options.webhooks && options.listen) {
      const { webhooks: config, listen } = options;
      const parts = {
        api: replacingUrls(behindGate(client, gate), imageUrls),
        client: temporalClient,
        ...(webhooks && { awaited: webhooks.awaited }),
      };
      const receiver = await startReceiver({ listen, webhooks: config, parts, log });
      closers.push(() => receiver.close());
    }
    return runWorkers(workers, missing, closeAll);
  } catch (error) {
    // An error during closing must not hide the original one.
    await closeAll().catch(() => undefined);
    throw error;
  }
}

/** Notices go through Temporal, and from one of the workers to the receiver. */
function workerNotices(
  config: NoticeConfig,
  access: Omit<StatusAccess, 'shardRows'>,
  closers: (() => Promise<void> | void)[],
): Required<Pick<ActivityDependencies, 'notify' | 'notices' | 'observeRun'>> {
  const notices = createNoticeSender(config);
  closers.push(() => notices.close());
  const shardRows = new ShardRows(access.store);
  return {
    notices,
    notify: (notice) => startDelivery(access.client, access.taskQueue, notice),
    observeRun: (run) => observeRun({ ...access, shardRows }, run),
  };
}
