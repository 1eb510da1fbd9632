import { unknownPollPlan } from '../domain/time/poll-schedule.js';
import { askingRun } from './worker/activity-context.js';
import { awaitGenerationActivity } from './row/await-generation.js';
import { createGenerationActivity } from './row/create-generation.js';
import type { ActivityDependencies, WorkerState } from './worker/dependencies.js';
import { findJobActivity } from './row/find-job.js';
import { forHistory } from './for-history.js';
import { ingestActivity } from './ingest/ingest.js';
import { checkPricesActivity, countBoughtActivity, priceShardActivity } from './batch/price-activities.js';
import { raiseGrantedActivity } from './batch/raise-granted.js';
import { CopyTimes } from './worker/images/copy-times.js';
import { JobTimes, MOST_GETS } from './worker/job-times.js';
import { PollTurns } from './worker/poll-turns.js';
import { postNoticeActivity } from './notices/post-notice.js';
import { probeActivity } from './batch/probe.js';
import { rebindAccountActivity } from './account/rebind-account.js';
import { behindGate, RequestGate } from './worker/request-gate.js';
import { reportCanaryActivity } from './seal/report-canary.js';
import { RunAccounts } from './worker/run-accounts.js';
import { sealActivity } from './seal/seal.js';
import {
  openShardActivity,
  recordLostShardActivity,
  recordOutcomesActivity,
} from './batch/shard-activities.js';
import { ServiceTexts } from '../ledger/service-texts.js';
import { ShardRows } from '../ledger/shard-rows.js';
import type { RunRef } from '../storage/layout.js';
import { storeImageActivity } from './row/store-image.js';
import { notifyEndActivity, watchBatchActivity } from './notices/watch-batch.js';
import { replacingUrls, SeenImageUrls } from './worker/images/seen-image-urls.js';
import { SeenSuccesses } from './worker/seen-successes.js';
import { Thumbnails } from './worker/images/thumbnails.js';
import type { Activities } from '../workflows/protocol/activities.js';
import type { FiringActivities } from '../workflows/protocol/firing-activities.js';
import type { FiringDependencies } from './firing/firing-dependencies.js';
import { cancelFiringActivity, followFiringActivity } from './firing/follow-firing.js';
import { startFiringActivity } from './firing/start-firing.js';

/** Enough for two pictures of 16 million pixels, one after the other. */
const DEFAULT_DECODE_BYTES = 192 * 1024 * 1024;

/** All activities with one set of dependencies. They share caches, so create them once per worker. */
export function createActivities(dependencies: ActivityDependencies): Activities {
  const { store, gate = new RequestGate(), pollTurns = new PollTurns(), log } = dependencies;
  const { decodeBytes = DEFAULT_DECODE_BYTES } = dependencies;
  const { imageUrls = new SeenImageUrls() } = dependencies;
  const api = replacingUrls(behindGate(dependencies.api, gate), imageUrls);
  const serviceTexts = new ServiceTexts(store);
  const state: WorkerState = {
    ...dependencies,
    serviceTexts,
    successes: new SeenSuccesses(),
    api,
    gate,
    pollTurns,
    shardRows: new ShardRows(store, askingRun),
    runAccounts: new RunAccounts(store, api),
    jobTimes: new JobTimes(
      unknownPollPlan(dependencies.limits.firstPollMs),
      () => MOST_GETS - imageUrls.unusedShare,
    ),
    imageUrls,
    thumbnails: new Thumbnails(store, { decodeBytes, log }),
    copyTimes: new CopyTimes(dependencies.limits),
  };
  const withoutForeignTexts = <Input extends { readonly run: RunRef }, Result>(
    activity: (input: Input) => Promise<Result>,
  ): ((input: Input) => Promise<Result>) => forHistory(serviceTexts, activity);
  return {
    ingest: withoutForeignTexts(ingestActivity(state)),
    checkPrices: withoutForeignTexts(checkPricesActivity(state)),
    countBought: withoutForeignTexts(countBoughtActivity(state)),
    raiseGranted: withoutForeignTexts(raiseGrantedActivity(state)),
    openShard: withoutForeignTexts(openShardActivity(state)),
    priceShard: withoutForeignTexts(priceShardActivity(state)),
    createGeneration: withoutForeignTexts(createGenerationActivity(state)),
    awaitGeneration: withoutForeignTexts(awaitGenerationActivity(state)),
    findJob: withoutForeignTexts(findJobActivity(state)),
    storeImage: withoutForeignTexts(storeImageActivity(state)),
    recordOutcomes: withoutForeignTexts(recordOutcomesActivity(state)),
    recordLostShard: withoutForeignTexts(recordLostShardActivity(state)),
    probe: withoutForeignTexts(probeActivity(state)),
    rebindAccount: withoutForeignTexts(rebindAccountActivity(state)),
    reportCanary: withoutForeignTexts(reportCanaryActivity(state)),
    seal: withoutForeignTexts(sealActivity(state)),
    watchBatch: withoutForeignTexts(watchBatchActivity(state)),
    notifyEnd: withoutForeignTexts(notifyEndActivity(state)),
    postNotice: postNoticeActivity(state),
  };
}

/** The activities of a schedule's runs. */
export function createFiringActivities(dependencies: FiringDependencies): FiringActivities {
  return {
    startFiring: startFiringActivity(dependencies),
    followFiring: followFiringActivity(dependencies),
    cancelFiring: cancelFiringActivity(dependencies),
  };
}
