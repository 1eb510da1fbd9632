import { UNKNOWN_POLL_TIMES } from '../domain/time/poll-schedule.js';
import { askingRun } from './activity-context.js';
import { awaitGenerationActivity } from './await-generation.js';
import { createGenerationActivity } from './create-generation.js';
import type { ActivityDependencies, WorkerState } from './dependencies.js';
import { findJobActivity } from './find-job.js';
import { forHistory } from './for-history.js';
import { ingestActivity } from './ingest.js';
import { leaseBudgetActivity } from './lease-budget.js';
import { JobTimes } from './job-times.js';
import { PollTurns } from './poll-turns.js';
import { postNoticeActivity } from './post-notice.js';
import { probeActivity } from './probe.js';
import { rebindAccountActivity } from './rebind-account.js';
import { behindGate, RequestGate } from './request-gate.js';
import { reportCanaryActivity } from './report-canary.js';
import { RunAccounts } from './run-accounts.js';
import { sealActivity } from './seal.js';
import { openShardActivity, recordLostShardActivity, recordOutcomesActivity } from './shard-activities.js';
import { ServiceTexts } from '../ledger/service-texts.js';
import { ShardRows } from '../ledger/shard-rows.js';
import type { RunRef } from '../storage/layout.js';
import { storeImageActivity } from './store-image.js';
import { tellEndActivity } from './tell-end.js';
import { Thumbnails } from './thumbnails.js';
import type { Activities } from '../workflows/protocol/activities.js';
import { watchBatchActivity } from './watch-batch.js';

/** For two pictures of 16 million pixels, one after the other. */
const DEFAULT_DECODE_BYTES = 192 * 1024 * 1024;

/** All activities over one set of dependencies. They share caches, so make them once a worker. */
export function createActivities(dependencies: ActivityDependencies): Activities {
  const { store, gate = new RequestGate(), pollTurns = new PollTurns(), log } = dependencies;
  const { decodeBytes = DEFAULT_DECODE_BYTES } = dependencies;
  const api = behindGate(dependencies.api, gate);
  const serviceTexts = new ServiceTexts(store);
  const state: WorkerState = {
    ...dependencies,
    serviceTexts,
    api,
    gate,
    pollTurns,
    shardRows: new ShardRows(store, askingRun),
    runAccounts: new RunAccounts(store, api),
    jobTimes: new JobTimes({ ...UNKNOWN_POLL_TIMES, firstMs: dependencies.limits.firstPollMs }),
    thumbnails: new Thumbnails(store, { decodeBytes, log }),
  };
  const told = <Input extends { readonly run: RunRef }, Result>(
    activity: (input: Input) => Promise<Result>,
  ): ((input: Input) => Promise<Result>) => forHistory(serviceTexts, activity);
  return {
    ingest: told(ingestActivity(state)),
    leaseBudget: told(leaseBudgetActivity(state)),
    openShard: told(openShardActivity(state)),
    createGeneration: told(createGenerationActivity(state)),
    awaitGeneration: told(awaitGenerationActivity(state)),
    findJob: told(findJobActivity(state)),
    storeImage: told(storeImageActivity(state)),
    recordOutcomes: told(recordOutcomesActivity(state)),
    recordLostShard: told(recordLostShardActivity(state)),
    probe: told(probeActivity(state)),
    rebindAccount: told(rebindAccountActivity(state)),
    reportCanary: told(reportCanaryActivity(state)),
    seal: told(sealActivity(state)),
    watchBatch: told(watchBatchActivity(state)),
    tellEnd: told(tellEndActivity(state)),
    postNotice: postNoticeActivity(state),
  };
}
