import type { Logger } from 'pino';
import type { BananaHubClient } from '../bananahub/client.js';
import type { DownloadedImage } from '../bananahub/image-download.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { ActivityLimits } from './limits.js';
import type { JobTimes } from './job-times.js';
import type { RunAccounts } from './run-accounts.js';
import type { ShardRows } from '../ledger/shard-rows.js';
import type { Thumbnails } from './thumbnails.js';

/** What the activities are given: opened by the worker, closed by the worker. */
export interface ActivityDependencies {
  readonly store: ObjectStore;
  readonly api: BananaHubClient;
  /** The whole body behind a presigned URL, with memory reserved for it. */
  readonly downloadImage: (url: string, signal: AbortSignal) => Promise<DownloadedImage>;
  /** The ids of batches whose workflows were at work at any time since then, ISO 8601; some of them where there are many. */
  readonly openBatchesSince: (sinceIso: string) => Promise<readonly string[]>;
  readonly log: Logger;
  readonly limits: ActivityLimits;
}

/** The same dependencies with what all activities of a worker share. */
export interface WorkerState extends ActivityDependencies {
  readonly shardRows: ShardRows;
  readonly runAccounts: RunAccounts;
  readonly jobTimes: JobTimes;
  readonly thumbnails: Thumbnails;
}
