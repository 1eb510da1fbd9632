import type { Logger } from 'pino';
import type { BananaHubClient } from '../../bananahub/client.js';
import type { DownloadedImage } from '../../bananahub/images/image-download.js';
import type { Notice } from '../../domain/batch/notice.js';
import type { SettledRow } from '../../domain/rows/outcome.js';
import type { RunLook } from '../../status/look-at-batch.js';
import type { NoticeSender } from '../../status/notices/notice-sender.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import type { WorkerWebhooks } from '../../bananahub/webhooks/worker-webhooks.js';
import type { ActivityLimits } from '../limits.js';
import type { JobTimes } from './job-times.js';
import type { PollTurns } from './poll-turns.js';
import type { RequestGate } from './request-gate.js';
import type { RunAccounts } from './run-accounts.js';
import type { ServiceTexts } from '../../ledger/service-texts.js';
import type { ShardRows } from '../../ledger/shard-rows.js';
import type { Thumbnails } from './thumbnails.js';

/** What the activities are given: opened by the worker, closed by the worker. */
export interface ActivityDependencies {
  readonly store: ObjectStore;
  readonly api: BananaHubClient;
  /** The whole body behind a presigned URL, with memory reserved for it. */
  readonly downloadImage: (url: string, signal: AbortSignal) => Promise<DownloadedImage>;
  /** Memory for decoding images to make thumbnails of them. Default: 192 MiB. */
  readonly decodeBytes?: number;
  /** The ids of batches whose workflows were running at any time since then, ISO 8601; some of them where there are many. */
  readonly openBatchesSince: (sinceIso: string) => Promise<readonly string[]>;
  /** How the rows of a shard that has ended did, by their index in it, as far as Temporal's history tells. */
  readonly settledInHistory: (run: RunRef, shard: number) => Promise<ReadonlyMap<number, SettledRow>>;
  /** Why the service cannot fetch input images from the bucket; absent where it can. */
  readonly inputsOutOfReach?: string;
  /** Has a notice of an event delivered, in its own time; a repeat of the same id changes nothing. Absent where no one wants to hear. */
  readonly tell?: (notice: Notice) => Promise<void>;
  /** Delivers what was told; absent where no one wants to hear. */
  readonly notices?: Pick<NoticeSender, 'send'>;
  /** Where a run is. Needed with `tell`. */
  readonly lookAtRun?: (run: RunRef) => Promise<RunLook>;
  readonly log: Logger;
  readonly limits: ActivityLimits;
  /** Shared with all else in the process that asks the API. Default: one of its own. */
  readonly gate?: RequestGate;
  /** Where polls wait for their turn. Default: they need not wait. */
  readonly pollTurns?: PollTurns;
  /** Set where creates ask the service to tell the end of their jobs. */
  readonly webhooks?: WorkerWebhooks;
}

/** The same dependencies with what all activities of a worker share; `api` is behind `gate`. */
export interface WorkerState extends ActivityDependencies {
  readonly shardRows: ShardRows;
  readonly runAccounts: RunAccounts;
  readonly gate: RequestGate;
  readonly pollTurns: PollTurns;
  readonly jobTimes: JobTimes;
  readonly thumbnails: Thumbnails;
  readonly serviceTexts: ServiceTexts;
}
