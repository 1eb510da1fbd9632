import {
  addTallies,
  EMPTY_TALLY,
  tallyOfPending,
  tallyOfSettled,
  type Tally,
} from '../domain/batch/tally.js';
import { BatchFile, CarriedLine, Report, RunRequest } from '../ledger/documents.js';
import { readJsonLines } from '../ledger/files/json-lines.js';
import { listParts, readParts } from '../ledger/parts.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import {
  addressOf,
  at,
  batchFileKey,
  carriedKey,
  reportKey,
  requestKey,
  type BatchLocation,
  type RunRef,
} from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { lastRunSeq } from '../ledger/previous-runs.js';
import { NO_OLDEST_ROWS, type BatchStatus } from './status-document.js';

/** Why the status is read from the bucket: Temporal does not know the batch, or does not answer. */
export type TemporalAnswer = 'unknown-to-temporal' | 'temporal-away';

/** The status of a batch from the bucket alone: its sealed report, else the records of its newest run. Undefined if the bucket has no such batch. */
export async function statusFromBucket(
  store: ObjectStore,
  location: BatchLocation,
  temporal: TemporalAnswer,
): Promise<BatchStatus | undefined> {
  const runSeq = await lastRunSeq(store, location);
  const sealed = await sealedStatus(store, location);
  if (runSeq === 0 || sealed?.runSeq === runSeq) return sealed;
  return unsealedStatus(store, location, runSeq, temporal);
}

/** The status from a batch's newest report; undefined if there is none yet. */
export async function sealedStatus(
  store: ObjectStore,
  location: BatchLocation,
): Promise<BatchStatus | undefined> {
  const report = await readDocumentIfAny(store, at(location, reportKey(location)), Report);
  if (!report) return undefined;
  return {
    ...unknownToWorkers(location),
    ...report.tally,
    state: report.state,
    reason: undefined,
    runSeq: report.runSeq,
    startedAt: report.startedAt,
    endedAt: report.endedAt,
    budget: report.budget,
    asOf: report.endedAt,
  };
}

async function unsealedStatus(
  store: ObjectStore,
  location: BatchLocation,
  runSeq: number,
  temporal: TemporalAnswer,
): Promise<BatchStatus | undefined> {
  const request = await readDocumentIfAny(store, at(location, requestKey(location, runSeq)), RunRequest);
  if (!request) return undefined;
  const run = { ...location, runSeq };
  const batch = await readDocumentIfAny(store, at(location, batchFileKey(location)), BatchFile);
  const tally =
    batch?.runSeq === runSeq ? await recordedTally(store, run, batch) : tallyOfPending(request.rows);
  const goOn = `banana-batch retry ${location.batchId}`;
  return {
    ...unknownToWorkers(location),
    ...tally,
    state: temporal === 'temporal-away' ? 'running' : 'failed',
    reason:
      temporal === 'temporal-away'
        ? `Run ${runSeq} has no report yet, and Temporal does not answer: the run may be active or stopped. If it was terminated, continue it with: ${goOn}`
        : `Run ${runSeq} has no report, and Temporal does not know it any more. Continue it with: ${goOn}`,
    runSeq,
    startedAt: request.submittedAt,
    endedAt: undefined,
    asOf: new Date().toISOString(),
  };
}

/** The rows of a run that is not sealed: carried over, recorded, and not yet recorded. */
async function recordedTally(store: ObjectStore, run: RunRef, batch: BatchFile): Promise<Tally> {
  const recorded = await readParts(store, run, await listParts(store, run));
  const { rejected, rows } = batch;
  return [
    batch.carriedTally ?? (await carriedTally(store, run)),
    { ...EMPTY_TALLY, total: rejected, rejected },
    tallyOfSettled(recorded.values()),
    tallyOfPending(Math.max(0, rows - recorded.size)),
  ].reduce(addTallies);
}

/** For runs of an older version, which recorded only the number of their carried rows. */
async function carriedTally(store: ObjectStore, run: RunRef): Promise<Tally> {
  const key = carriedKey(run, run.runSeq);
  let tally = EMPTY_TALLY;
  for await (const { outcome } of readJsonLines(await store.read(at(run, key)), CarriedLine, key)) {
    tally = addTallies(tally, tallyOfSettled([outcome]));
  }
  return tally;
}

/** Fields that only running workflows know. */
function unknownToWorkers(
  location: BatchLocation,
): Pick<
  BatchStatus,
  | 'batchId'
  | 'holds'
  | 'paused'
  | 'budget'
  | 'pauses'
  | 'imagesPerMinute'
  | 'etaSeconds'
  | 'oldestRows'
  | 'aside'
  | 'usualSeconds'
  | 'concurrency'
  | 'pace'
  | 'carried'
  | 'workers'
  | 'location'
> {
  return {
    batchId: location.batchId,
    holds: [],
    paused: false,
    budget: undefined,
    pauses: [],
    imagesPerMinute: undefined,
    etaSeconds: undefined,
    ...NO_OLDEST_ROWS,
    concurrency: undefined,
    pace: undefined,
    carried: 0,
    workers: undefined,
    location: addressOf(location),
  };
}
