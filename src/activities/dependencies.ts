import type { Logger } from 'pino';
import type { BananaHubClient } from '../bananahub/client.js';
import type { DownloadedImage } from '../bananahub/image-download.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { JobTimes } from './job-times.js';
import type { RunAccounts } from './run-accounts.js';
import type { ShardRows } from '../ledger/shard-rows.js';

/** What the activities are given: opened by the worker, closed by the worker. */
export interface ActivityDependencies {
  readonly store: ObjectStore;
  readonly api: BananaHubClient;
  /** The whole body behind a presigned URL, with memory reserved for it. */
  readonly downloadImage: (url: string, signal: AbortSignal) => Promise<DownloadedImage>;
  readonly log: Logger;
  readonly limits: ActivityLimits;
}

/** How long passing faults are borne before they count. Milliseconds. */
export interface ActivityLimits {
  /** Transient faults of the API or the image host, before the batch is held. Default 2 min. */
  readonly serviceFaultMs: number;
  /** Failures of the bucket, before the batch is held. Default 60 s. */
  readonly storageFaultMs: number;
  /** An image that a living service keeps giving wrong, cut or expired, before the row fails. Default 15 min. */
  readonly imageFaultMs: number;
}

export const DEFAULT_LIMITS: ActivityLimits = {
  serviceFaultMs: 2 * 60_000,
  storageFaultMs: 60_000,
  imageFaultMs: 15 * 60_000,
};

/** The same dependencies with what all activities of a worker share. */
export interface WorkerState extends ActivityDependencies {
  readonly shardRows: ShardRows;
  readonly runAccounts: RunAccounts;
  readonly jobTimes: JobTimes;
}
