import { serviceOf } from '../bananahub/account-id.js';
import { BatchFile, Report, RunRequest } from '../ledger/documents.js';
import { readDocumentIfAny } from '../ledger/files/read-document.js';
import type { RunSettings } from '../domain/batch/run-settings.js';
import type { SheetSettings } from '../sheet/index.js';
import { lastRunSeq } from '../ledger/previous-runs.js';
import type { SheetFile } from '../sheet/fetch/sheet-file.js';
import { hasSheet } from './run-request.js';
import {
  at,
  batchFileKey,
  reportKey,
  requestKey,
  type BatchLocation,
  type RunRef,
} from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';

/** The state of a batch's newest run by its files. */
export interface BatchFiles {
  /** The newest requested run. */
  readonly lastRunSeq: number;
  /** The result of the newest ingest; undefined before the first. */
  readonly batch: BatchFile | undefined;
  /** The service that the batch belongs to; undefined if none was named yet. */
  readonly service: string | undefined;
  /** The newest seal; undefined before the first. */
  readonly report: Report | undefined;
}

/** The files of a batch; undefined if the bucket has none. */
export async function readBatchFiles(
  store: ObjectStore,
  location: BatchLocation,
): Promise<BatchFiles | undefined> {
  const [last, batch, report] = await Promise.all([
    lastRunSeq(store, location),
    readDocumentIfAny(store, at(location, batchFileKey(location)), BatchFile),
    readDocumentIfAny(store, at(location, reportKey(location)), Report),
  ]);
  if (last === 0) return undefined;
  const service = batch
    ? serviceOf(batch.account)
    : await requestedService(store, { ...location, runSeq: last });
  return { lastRunSeq: last, batch, report, service };
}

async function requestedService(store: ObjectStore, run: RunRef): Promise<string | undefined> {
  const request = await readDocumentIfAny(store, at(run, requestKey(run, run.runSeq)), RunRequest);
  return request?.service;
}

/** Whether a batch's files are already what a submission would write: its newest run is sealed and had the same request. */
export function isSealedFor(
  files: BatchFiles | undefined,
  location: BatchLocation,
  sheet: Pick<SheetFile, 'name' | 'sha256' | 'inputs'>,
  {
    sheetSettings,
    settings,
  }: { readonly sheetSettings: SheetSettings; readonly settings: Pick<RunSettings, 'nearDuplicates'> },
): boolean {
  if (!files?.batch || !files.report) return false;
  const { batch, report, lastRunSeq } = files;
  return (
    report.runSeq === lastRunSeq &&
    batch.runSeq === lastRunSeq &&
    (settings.nearDuplicates !== true || batch.settings.nearDuplicates === true) &&
    hasSheet(batch.sheet, location, sheet, sheetSettings)
  );
}
