import { addTallies, EMPTY_TALLY, tallyOfPending, tallyOfSettled } from '../domain/tally.js';
import { BatchFile, Report, RunRequest } from '../ledger/documents.js';
import { listParts, readParts } from '../ledger/parts.js';
import { readDocumentIfAny } from '../ledger/read-document.js';
import { at, batchFileKey, reportKey, requestKey, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { lastRunSeq } from './plan-submission.js';
import { addressOf, NO_OLDEST_ROWS, type BatchStatus } from './status-document.js';

/** Why the bucket is asked: whether Temporal has said that it knows no such batch, or cannot be asked. */
export type Asked = 'unknown-to-temporal' | 'temporal-away';

/** Where a batch is as far as the bucket tells: its sealed report, else what its newest run has recorded. Undefined where it holds no such batch. */
export async function statusFromBucket(
  store: ObjectStore,
  location: BatchLocation,
  asked: Asked,
): Promise<BatchStatus | undefined> {
  const runSeq = await lastRunSeq(store, location);
  const sealed = await sealedStatus(store, location);
  if (runSeq === 0 || sealed?.runSeq === runSeq) return sealed;
  return unsealedStatus(store, location, runSeq, asked);
}

/** The status that a batch's newest report tells; undefined where there is none yet. */
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
    asOf: report.endedAt,
  };
}

async function unsealedStatus(
  store: ObjectStore,
  location: BatchLocation,
  runSeq: number,
  asked: Asked,
): Promise<BatchStatus | undefined> {
  const request = await readDocumentIfAny(store, at(location, requestKey(location, runSeq)), RunRequest);
  if (!request) return undefined;
  const batch = await readDocumentIfAny(store, at(location, batchFileKey(location)), BatchFile);
  const { rejected } = batch?.runSeq === runSeq ? batch : { rejected: 0 };
  const run = { ...location, runSeq };
  const recorded = await readParts(store, run, await listParts(store, run));
  const settled = addTallies(tallyOfSettled(recorded.values()), {
    ...EMPTY_TALLY,
    total: rejected,
    rejected,
  });
  const goOn = 'The same sheet, run again, goes on where it stopped.';
  return {
    ...unknownToWorkers(location),
    ...addTallies(settled, tallyOfPending(Math.max(0, request.rows - recorded.size))),
    state: asked === 'temporal-away' ? 'running' : 'failed',
    reason:
      asked === 'temporal-away'
        ? `Run ${runSeq} has left no report yet, and Temporal cannot be asked: it may be at work or stand still. ${goOn}`
        : `Run ${runSeq} has left no report, and Temporal does not know it any more. ${goOn}`,
    runSeq,
    startedAt: request.submittedAt,
    endedAt: undefined,
    asOf: new Date().toISOString(),
  };
}

/** What only running workflows could tell. */
function unknownToWorkers(
  location: BatchLocation,
): Pick<
  BatchStatus,
  | 'batchId'
  | 'holds'
  | 'paused'
  | 'imagesPerMinute'
  | 'etaSeconds'
  | 'oldestRows'
  | 'usualSeconds'
  | 'concurrency'
  | 'carried'
  | 'workers'
  | 'location'
> {
  return {
    batchId: location.batchId,
    holds: [],
    paused: false,
    imagesPerMinute: undefined,
    etaSeconds: undefined,
    ...NO_OLDEST_ROWS,
    concurrency: undefined,
    carried: 0,
    workers: undefined,
    location: addressOf(location),
  };
}
