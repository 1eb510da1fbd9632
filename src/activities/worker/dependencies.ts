import type { Logger } from 'pino';
import type { BananaHubClient } from '../../bananahub/client.js';
import type { DownloadedImage } from '../../bananahub/images/image-download.js';
import type { Notice } from '../../domain/batch/notice.js';
import type { SettledRow } from '../../domain/rows/outcome.js';
import type { RunObservation } from '../../status/observe-run.js';
import type { NoticeSender } from '../../status/notices/notice-sender.js';
import type { RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import type { WorkerWebhooks } from '../../bananahub/webhooks/worker-webhooks.js';
import type { ActivityLimits } from '../limits.js';
import type { CopyTimes } from './images/copy-times.js';
import type { JobTimes } from './job-times.js';
import type { PollTurns } from './poll-turns.js';
import type { RequestGate } from './request-gate.js';
import type { RunAccounts } from './run-accounts.js';
import type { ServiceTexts } from '../../ledger/service-texts.js';
import type { ShardRows } from '../../ledger/shard-rows.js';
import type { SeenImageUrls } from './images/seen-image-urls.js';
import type { SeenSuccesses } from './seen-successes.js';
import type { Thumbnails } from './images/thumbnails.js';

/** Dependencies of the activities: opened and closed by the worker. */
export interface ActivityDependencies {
  readonly store: ObjectStore;
  readonly api: BananaHubClient;
  /** Downloads the whole body behind a presigned URL, with memory reserved for it. */
  readonly downloadImage: (url: string, signal: AbortSignal) => Promise<DownloadedImage>;
  /** Memory for decoding images into thumbnails. Default: 192 MiB. */
  readonly decodeBytes?: number;
  /** Ids of batches whose workflows were running at any time since then (ISO 8601); only some if there are many. */
  readonly openBatchesSince: (sinceIso: string) => Promise<readonly string[]>;
  /** Outcomes of the rows of an ended shard, by index in it, as far as Temporal's history has them. */
  readonly settledInHistory: (run: RunRef, shard: number) => Promise<ReadonlyMap<number, SettledRow>>;
  /** Why the service cannot fetch input images from the bucket; absent if it can. */
  readonly inputsOutOfReach?: string;
  /** Starts the delivery of a notice; a repeat of the same id has no effect. Absent if no notices are configured. */
  readonly notify?: (notice: Notice) => Promise<void>;
  /** Delivers notices; absent if none are configured. */
  readonly notices?: Pick<NoticeSender, 'send'>;
  /** Reads the state of a run. Required with `notify`. */
  readonly observeRun?: (run: RunRef) => Promise<RunObservation>;
  readonly log: Logger;
  readonly limits: ActivityLimits;
  /** Shared with all other API calls of the process. Default: a gate of its own. */
  readonly gate?: RequestGate;
  /** Rate limit of polls. Default: no limit. */
  readonly pollTurns?: PollTurns;
  /** Shared with all other API calls of the process. Default: its own. */
  readonly imageUrls?: SeenImageUrls;
  /** Set if creates request a webhook for the end of their jobs. */
  readonly webhooks?: WorkerWebhooks;
}

/** The same dependencies plus what all activities of a worker share; `api` is behind `gate`. */
export interface WorkerState extends ActivityDependencies {
  readonly shardRows: ShardRows;
  readonly runAccounts: RunAccounts;
  readonly gate: RequestGate;
  readonly pollTurns: PollTurns;
  readonly jobTimes: JobTimes;
  readonly imageUrls: SeenImageUrls;
  readonly thumbnails: Thumbnails;
  readonly copyTimes: CopyTimes;
  readonly serviceTexts: ServiceTexts;
  readonly successes: SeenSuccesses;
}
