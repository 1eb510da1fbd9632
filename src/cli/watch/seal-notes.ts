import { ZodError } from 'zod';
import type { BatchStatus } from '../../status/status-document.js';
import { nearDuplicatesText } from '../../domain/images/near-duplicates.js';
import { missingThumbnailsText } from '../../domain/images/missing-thumbnails.js';
import { repeatedJobsText } from '../../domain/images/repeated-jobs.js';
import { sameBytesText } from '../../domain/images/same-bytes.js';
import { Report } from '../../ledger/documents.js';
import { readDocumentIfAny } from '../../ledger/files/read-document.js';
import { at, reportKey, type BatchLocation } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';

/**
 * The notes of an ended batch's seal on identical images of different prompts, on similar images, and on the cost of
 * its run, each by name on one line; empty if there are none, and for a running batch.
 */
export async function sealNotes(
  store: ObjectStore,
  location: BatchLocation,
  { endedAt, runSeq, batchId }: Pick<BatchStatus, 'endedAt' | 'runSeq' | 'batchId'>,
): Promise<readonly (readonly [name: string, text: string])[]> {
  if (endedAt === undefined) return [];
  const report = await readableReport(store, location);
  if (report?.runSeq !== runSeq) return [];
  const sameBytes = sameBytesText(report.sameBytes);
  const repeatedJobs = repeatedJobsText(report.repeatedJobs);
  const missing = missingThumbnailsText(report.missingThumbnails);
  const looks = nearDuplicatesText(report.nearDuplicates);
  const cost = costNote(report);
  return [
    ...(cost ? [['Cost', cost] as const] : []),
    ...(sameBytes ? [['Warning', `${sameBytes} See which: banana-batch verify ${batchId}`] as const] : []),
    ...(repeatedJobs ? [['Warning', repeatedJobs] as const] : []),
    ...(missing ? [['Thumbnails', missing] as const] : []),
    ...(looks ? [['Similar', `${looks} See near-duplicates.csv and the contact sheet.`] as const] : []),
  ];
}

/** The cost of a run; undefined if unknown, and for the sandbox's free images. */
function costNote({ cost, account }: Pick<Report, 'cost' | 'account'>): string | undefined {
  if (!cost) return undefined;
  const { measured, unmeasured, expected } = cost;
  const isPlay = account.startsWith(SANDBOX);
  if (measured === null && !expected) return undefined;
  if (isPlay && !expected) return undefined;
  const range =
    expected && (expected.least === expected.most ? expected.least : `${expected.least} to ${expected.most}`);
  const byPrices = range && `${range} by BANANA_PRICES`;
  const byBalance =
    measured === null
      ? `not measured: ${unmeasured ?? ''}`
      : `${measured} by the ${isPlay ? "sandbox's" : "account's"} balance`;
  return `The run cost ${[byPrices, byBalance].filter((text) => text !== undefined).join('; ')}`;
}

const SANDBOX = 'sandbox#';

/** An unreadable report must not hide the batch's status; `verify` reports it. */
async function readableReport(store: ObjectStore, location: BatchLocation): Promise<Report | undefined> {
  try {
    return await readDocumentIfAny(store, at(location, reportKey(location)), Report);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) return undefined;
    throw error;
  }
}
