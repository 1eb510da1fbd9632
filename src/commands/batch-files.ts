import { BatchFile, Report } from '../ledger/documents.js';
import { readDocumentIfAny } from '../ledger/read-document.js';
import { lastRunSeq } from '../batch/plan-submission.js';
import { at, batchFileKey, reportKey, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';

/** What a batch's files say about its newest run. */
export interface BatchFiles {
  /** The newest run that was asked for. */
  readonly lastRunSeq: number;
  /** What the newest ingest found; undefined before the first. */
  readonly batch: BatchFile | undefined;
  /** The newest seal; undefined before the first. */
  readonly report: Report | undefined;
}

/** The files of a batch; undefined where there is none in the bucket. */
export async function readBatchFiles(
  store: ObjectStore,
  location: BatchLocation,
): Promise<BatchFiles | undefined> {
  const [last, batch, report] = await Promise.all([
    lastRunSeq(store, location),
    readDocumentIfAny(store, at(location, batchFileKey(location)), BatchFile),
    readDocumentIfAny(store, at(location, reportKey(location)), Report),
  ]);
  return last === 0 ? undefined : { lastRunSeq: last, batch, report };
}
