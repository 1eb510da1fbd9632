import type { BatchFolder } from './batch-place.js';
import type { IdOnLine } from './new-ids.js';
import type { SubmissionPlan } from './plan-submission.js';
import type { BatchStatus } from './status-document.js';
import type { AccountId } from '../bananahub/client.js';
import type { BucketConfig } from '../config.js';
import { MAX_NAME_BYTES } from '../domain/image-name.js';
import { KEEP_AS_TEXT } from '../domain/rewritten-id.js';
import { MAX_BATCH_ROWS } from '../domain/window.js';
import { UsageError } from '../errors.js';
import type { SheetSettings, SheetSummary } from '../sheet/index.js';
import { addressOf, imagesPrefix, type BatchLocation } from '../storage/layout.js';
import type { BatchFiles } from './batch-files.js';
import { counted } from '../domain/counted.js';

/** Throws a UsageError for a sheet of which nothing may start. */
export function refuseUnusable(
  { rows, rejected, duplicates, firstDuplicates }: SheetSummary,
  { strict, duplicates: how }: Pick<SheetSettings, 'strict' | 'duplicates'>,
): void {
  if (rows === 0) {
    throw new UsageError(
      `Every row of the sheet is rejected (${rejected}), for the reasons above; nothing was started.`,
    );
  }
  if (strict && rejected > 0) {
    throw new UsageError(
      `${counted(rejected, 'row')} of the sheet ${rejected === 1 ? 'is' : 'are'} rejected, and with --strict nothing is started then.`,
    );
  }
  if (how === 'fail' && duplicates > 0) {
    const pairs = firstDuplicates.map(({ line, firstLine }) => `${firstLine} and ${line}`).join(', ');
    const more = duplicates > firstDuplicates.length ? ', …' : '';
    throw new UsageError(
      `${counted(duplicates, 'row')} of the sheet ${duplicates === 1 ? 'asks' : 'ask'} for the same as one above (lines ${pairs}${more}), and with --duplicates fail nothing is started then. Remove them, give them ids of their own, or say --duplicates skip or keep.`,
    );
  }
}

/**
 * Throws a UsageError for our own failures.csv or rejects.csv with ids that are no rows of its batch: always where a
 * spreadsheet seems to have rewritten them, else unless new ones are allowed.
 */
export function refuseNewIds(
  { newIds: { rewritten, others }, runSeq, summary }: SubmissionPlan,
  { batchId }: Pick<BatchLocation, 'batchId'>,
  { newIds }: { readonly newIds: boolean },
): void {
  const file = `This ${summary.isFailures ? 'failures.csv' : 'rejects.csv'}`;
  const batch = `batch "${batchId}"${runSeq === 1 ? ', which does not exist' : ''}`;
  if (rewritten.length > 0) {
    throw new UsageError(
      `${file} has ids that are not rows of ${batch}, and that look as if a spreadsheet had rewritten them: ${idsText(rewritten)}. Spreadsheets turn 418567788576 into 4.18568E+11, 007 into 7 and 3-4 into a date, and under such an id the image would be bought again. Get the file from the bucket again, ${KEEP_AS_TEXT}, and leave the ids as they are. Nothing was started.`,
    );
  }
  if (newIds || others.length === 0) return;
  const remedy =
    runSeq === 1
      ? 'Name the batch that the file is from with --id; to make a new batch of the file, add --new-ids.'
      : 'If they are meant as new rows, add --new-ids; else correct the ids.';
  throw new UsageError(
    `${file} has ids that are not rows of ${batch}, so their images would be bought as new ones: ${idsText(others)}. ${remedy} Nothing was started.`,
  );
}

function idsText(ids: readonly IdOnLine[]): string {
  const shown = ids.slice(0, SHOWN_IDS).map(({ line, id }) => `${JSON.stringify(id)} (line ${line})`);
  const more = ids.length > shown.length ? ` and ${ids.length - shown.length} more` : '';
  return `${shown.join(', ')}${more}`;
}

const SHOWN_IDS = 5;

/** The embedded server of a folder has its own bucket only. Throws a UsageError for a place in another. */
export function refuseUnreachable(
  { origin, bucket }: Pick<BucketConfig, 'origin' | 'bucket'>,
  to: BatchFolder | undefined,
): void {
  if (origin === 'environment' || !to || to.bucket === bucket) return;
  throw new UsageError(
    `--to names the bucket "${to.bucket}", and no S3 but this folder's own is configured. Set BANANA_BUCKET (and AWS credentials) to use real S3, or name a folder here: --to s3://${bucket}/${to.root}`,
  );
}

/** Names may be long, and their whole keys may not. Throws a UsageError where the prefix leaves no room. */
export function refuseNoRoomForNames(location: BatchLocation, { hasNames }: SheetSummary): void {
  const folder = Buffer.byteLength(imagesPrefix(location));
  if (!hasNames || folder + MAX_NAME_BYTES <= MAX_KEY_BYTES) return;
  throw new UsageError(
    `${addressOf(location)} leaves no room for names of images: a key in S3 has ${MAX_KEY_BYTES} bytes, and a name up to ${MAX_NAME_BYTES} of them. Use a prefix that is ${folder + MAX_NAME_BYTES - MAX_KEY_BYTES} bytes shorter.`,
  );
}

const MAX_KEY_BYTES = 1024;

/** Temporal knows batches by id alone: one id must not stand for running batches in two places. Throws a UsageError. */
export function refuseOtherPlace(running: BatchStatus, location: BatchLocation): void {
  if (running.location === addressOf(location)) return;
  throw new UsageError(
    `Batch "${location.batchId}" is running already, at ${running.location}. Choose another --id for ${addressOf(location)}.`,
  );
}

/**
 * A batch stays with the account that it was first run with: the sandbox's drawings must not pass for images. Throws a
 * UsageError where another account is configured, unless its key is said to be a new one of the same account.
 */
export function refuseOtherAccount(
  { batchId }: BatchLocation,
  files: BatchFiles | undefined,
  own: AccountId | undefined,
  { rebind }: { readonly rebind: boolean },
): void {
  const owner = files?.batch?.account;
  if (rebind || owner === undefined || own === undefined || owner === own) return;
  throw new UsageError(
    `Batch "${batchId}" belongs to account ${owner}, and ${own} is configured. If that is a new key of the same account, add --rebind; to make the images with another account, submit the sheet with --new or another --id.`,
  );
}

/** Throws a UsageError that names what accepts a rotated key while a batch works. */
export function refuseRebindOfRunning({ batchId }: BatchLocation): void {
  throw new UsageError(
    `Batch "${batchId}" is running. A rotated key of a running batch is accepted by: banana-batch resume ${batchId} --rebind`,
  );
}

/** Throws a UsageError where the rows that stay and those of the sheet are more than a batch takes. */
export function refuseTooLong({ summary, kept }: SubmissionPlan): void {
  const rows = summary.rows + kept;
  if (rows <= MAX_BATCH_ROWS) return;
  throw new UsageError(
    `With the ${counted(kept, 'row')} that stay${kept === 1 ? 's' : ''} in it the batch would have ${rows} rows, and takes ${MAX_BATCH_ROWS}. Give the sheet another --id.`,
  );
}
