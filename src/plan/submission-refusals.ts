import type { BatchFolder } from './place/batch-place.js';
import type { CountedIds } from './rows/new-ids.js';
import type { SubmissionPlan } from './plan-submission.js';
import type { BatchStatus } from '../status/status-document.js';
import { OWN_SANDBOX, serviceName, serviceOf } from '../bananahub/account-id.js';
import type { AccountId } from '../bananahub/client.js';
import type { BucketConfig } from '../config.js';
import type { BatchId } from '../domain/rows/ids.js';
import { MAX_NAME_BYTES } from '../domain/images/image-name.js';
import { KEEP_AS_TEXT } from '../sheet/cells/rewritten-id.js';
import { MAX_BATCH_ROWS } from '../domain/batch/window.js';
import { UsageError } from '../errors.js';
import type { SheetSettings, SheetSummary } from '../sheet/index.js';
import { CONDITIONS_ADVICE, ignoredCondition } from '../storage/conditional-puts.js';
import { addressOf, imagesPrefix, type BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { BatchFiles } from './batch-files.js';
import { counted } from '../domain/text/full-stop.js';
import { placesText, placeText } from '../sheet/record-place.js';

/** Refusals that a schedule's run rewords: the original message may quote the sheet, or advise what only a person can do. */
export type RefusalReason = 'all-rejected' | 'new-ids' | 'shrunken' | 'input-changed';

/** Why a submission must not start. */
export class SubmissionRefusal extends UsageError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Throws a UsageError for a sheet from which nothing may start. */
export function refuseUnusable(
  { rows, rejected, duplicates, firstDuplicates }: SheetSummary,
  { strict, duplicates: how }: Pick<SheetSettings, 'strict' | 'duplicates'>,
): void {
  if (rows === 0) {
    throw new SubmissionRefusal(
      'all-rejected',
      `Every row of the sheet is rejected (${rejected}), for the reasons above; nothing was started.`,
    );
  }
  if (strict && rejected > 0) {
    throw new UsageError(
      `${counted(rejected, 'row')} of the sheet ${rejected === 1 ? 'is' : 'are'} rejected; with --strict nothing is started.`,
    );
  }
  if (how === 'fail' && duplicates > 0) {
    const pairs = firstDuplicates.map(pairText).join('; ');
    const more = duplicates > firstDuplicates.length ? '; …' : '';
    throw new UsageError(
      `${counted(duplicates, 'row')} of the sheet ${duplicates === 1 ? 'repeats' : 'repeat'} a row above (${pairs}${more}); with --duplicates fail nothing is started. Remove them, give them their own ids, or use --duplicates skip or keep.`,
    );
  }
}

/**
 * Throws a UsageError for our own failures.csv or rejects.csv with ids that are not rows of its batch: always if a
 * spreadsheet seems to have reformatted ids as numbers, otherwise unless `newIds` allows new ones.
 */
export function refuseNewIds(
  { newIds: { numbers, dates, others }, runSeq, summary }: SubmissionPlan,
  { batchId }: Pick<BatchLocation, 'batchId'>,
  { newIds }: { readonly newIds: boolean },
): void {
  const file = `This ${summary.isFailures ? 'failures.csv' : 'rejects.csv'}`;
  const batch = `batch "${batchId}"${runSeq === 1 ? ', which does not exist' : ''}`;
  const rewritten = numbers.count > 0 || newIds ? numbers : dates;
  if (rewritten.count > 0) {
    const meant =
      rewritten === numbers
        ? 'To add new rows that really have such ids, submit them in their own sheet with --merge.'
        : 'If they are new rows, add --new-ids.';
    throw new SubmissionRefusal(
      'new-ids',
      `${file} has ids that are not rows of ${batch}, and that a spreadsheet seems to have rewritten: ${idsText(rewritten)}. Spreadsheets turn 418567788576 into 4.18568E+11, 007 into 7 and 3-4 into a date; under such an id an image would be bought again. Download the file from the bucket again, ${KEEP_AS_TEXT}, and do not change the ids. ${meant} Nothing was started.`,
    );
  }
  if (newIds || others.count === 0) return;
  const remedy =
    runSeq === 1
      ? 'Name the batch that the file is from with --id; to make a new batch from the file, add --new-ids.'
      : 'If they are new rows, add --new-ids; otherwise correct the ids.';
  throw new SubmissionRefusal(
    'new-ids',
    `${file} has ids that are not rows of ${batch}, so their images would be bought again: ${idsText(others)}. ${remedy} Nothing was started.`,
  );
}

function pairText({
  line,
  tableRow,
  firstLine,
  firstTableRow,
}: SheetSummary['firstDuplicates'][number]): string {
  return placesText({ line: firstLine, tableRow: firstTableRow }, { line, tableRow });
}

function idsText({ count, first }: CountedIds): string {
  const shown = first.map((place) => `${JSON.stringify(place.id)} (${placeText(place)})`).join(', ');
  return count > first.length ? `${shown} and ${count - first.length} more` : shown;
}

/** The embedded server of a folder has only its own bucket. Throws a UsageError for a place in another. */
export function refuseUnreachable(
  { origin, bucket }: Pick<BucketConfig, 'origin' | 'bucket'>,
  to: BatchFolder | undefined,
): void {
  if (origin === 'environment' || !to || to.bucket === bucket) return;
  throw new UsageError(
    `--to names the bucket "${to.bucket}", but only this folder's local S3 is configured. Set BANANA_BUCKET (and AWS credentials) to use real S3, or name a folder here: --to s3://${bucket}/${to.root}`,
  );
}

/** Names may be long, but full keys are limited. Throws a UsageError if the prefix leaves no room. */
export function refuseNoRoomForNames(location: BatchLocation, { hasNames }: SheetSummary): void {
  const folder = Buffer.byteLength(imagesPrefix(location));
  if (!hasNames || folder + MAX_NAME_BYTES <= MAX_KEY_BYTES) return;
  throw new UsageError(
    `${addressOf(location)} leaves no room for the images' names: an S3 key has at most ${MAX_KEY_BYTES} bytes, and a name may need ${MAX_NAME_BYTES}. Use a prefix that is ${folder + MAX_NAME_BYTES - MAX_KEY_BYTES} bytes shorter.`,
  );
}

const MAX_KEY_BYTES = 1024;

/** Temporal knows batches only by id: one id must not stand for running batches in two places. Throws a UsageError. */
export function refuseOtherPlace(running: BatchStatus, location: BatchLocation): void {
  if (running.location === addressOf(location)) return;
  throw new UsageError(
    `Batch "${location.batchId}" is already running, at ${running.location}. Choose another --id for ${addressOf(location)}.`,
  );
}

/**
 * A batch keeps the account of its first run: the sandbox's drawings must not pass for images. Throws a UsageError if
 * another account is configured, unless its key is declared to be a new one of the same account.
 */
export function refuseOtherAccount(
  { batchId }: BatchLocation,
  files: BatchFiles | undefined,
  own: AccountId | undefined,
  { rebind }: { readonly rebind: boolean },
): void {
  if (files === undefined || own === undefined) return;
  refuseOtherService(batchId, files.service, serviceOf(own), { rebind });
  const owner = files.batch?.account;
  if (rebind || owner === undefined || owner === own) return;
  throw new UsageError(
    `Batch "${batchId}" belongs to account ${owner}, but ${own} is configured. If this is a new key of the same account, add --rebind; to make the images with another account, submit the sheet with --new or another --id.`,
  );
}

/**
 * A sandbox makes only what was submitted to it, and no other service makes that. A service may change only between
 * two real addresses, which workers verify with the batch's jobs.
 */
function refuseOtherService(
  batchId: BatchId,
  service: string | undefined,
  own: string,
  { rebind }: { readonly rebind: boolean },
): void {
  if (service === undefined ? own !== OWN_SANDBOX : service === own) return;
  const isSandbox = service === OWN_SANDBOX || own === OWN_SANDBOX;
  if (rebind && !isSandbox) return;
  const submitted =
    service === undefined
      ? 'was submitted without a configured service, but only the local sandbox, which draws test pictures, is configured here'
      : `was submitted to ${serviceName(service)}, but ${serviceName(own)} is configured here`;
  const moved = isSandbox ? '' : ` If ${service} has moved to ${own}, add --rebind.`;
  throw new UsageError(
    `Batch "${batchId}" ${submitted}. To continue it, set BANANAHUB_API_KEY and BANANAHUB_BASE_URL as they were.${moved} To make the sheet's images with another service, submit it with --new or another --id.`,
  );
}

/** Throws a UsageError that names the way to use a rotated key while a batch is running. */
export function refuseRebindOfRunning({ batchId }: BatchLocation): void {
  throw new UsageError(
    `Batch "${batchId}" is running. To accept a rotated key for a running batch: banana-batch resume ${batchId} --rebind`,
  );
}

/** Throws a UsageError if the rows that stay plus those of the sheet exceed a batch's maximum. */
export function refuseTooLong({ summary, kept }: SubmissionPlan): void {
  const rows = summary.rows + kept;
  if (rows <= MAX_BATCH_ROWS) return;
  throw new UsageError(
    `Together with the ${counted(kept, 'row')} that ${kept === 1 ? 'stays' : 'stay'} in it, the batch would have ${rows} rows; the limit is ${MAX_BATCH_ROWS}. Give the sheet another --id.`,
  );
}

/**
 * Throws a SubmissionRefusal if a sheet has lost more than half of its batch's rows: a broken export must neither
 * empty a batch unnoticed nor buy all of it again under other ids.
 */
export function refuseShrunken(
  { removed, unchanged, changed, again, redone, kept }: SubmissionPlan,
  { batchId }: BatchLocation,
): void {
  const left = unchanged + changed + again + redone + kept;
  const before = removed + left;
  if (removed === 0 || left * 2 >= before) return;
  throw new SubmissionRefusal(
    'shrunken',
    `the sheet has only ${counted(left, 'row')} of the ${before} that batch "${batchId}" has; nothing was started, since the sheet may be broken or its ids may have changed. If this is intended, submit the sheet once by hand: banana-batch submit SHEET --id ${batchId} --yes`,
  );
}

/**
 * Throws a UsageError unless the configured bucket, and that of a batch in another one, support conditional puts:
 * without them a run could be started twice, and an image put over a newer one. Each bucket is checked once, the
 * embedded server's never. Throws StorageError.
 */
export async function refuseIgnoredConditions(
  store: ObjectStore,
  { origin, bucket, prefix, s3 }: BucketConfig,
  { location, signal }: { readonly location?: BatchFolder; readonly signal?: AbortSignal } = {},
): Promise<void> {
  if (origin === 'stack') return;
  const folders = [
    { bucket, folder: prefix },
    ...(location && location.bucket !== bucket ? [{ bucket: location.bucket, folder: location.root }] : []),
  ];
  for (const folder of folders) {
    const ignored = await ignoredCondition(store, { ...folder, endpoint: s3.endpoint }, signal);
    if (ignored !== undefined) {
      throw new UsageError(`Bucket s3://${folder.bucket} cannot be used. ${ignored} ${CONDITIONS_ADVICE}`);
    }
  }
}
