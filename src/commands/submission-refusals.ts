import { addressOf, type BatchStatus } from '../batch/status-document.js';
import type { SubmissionPlan } from '../batch/plan-submission.js';
import type { AccountId } from '../bananahub/client.js';
import { UsageError } from '../errors.js';
import type { SheetSummary } from '../sheet/index.js';
import type { BatchLocation } from '../storage/layout.js';
import type { BatchFiles } from './batch-files.js';
import { counted } from './submission-plan-text.js';

/** Throws a UsageError for a sheet of which nothing may start. */
export function refuseUnusable({ rows, rejected }: SheetSummary, strict: boolean): void {
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
}

/** Temporal knows batches by id alone: one id must not stand for running batches in two places. Throws a UsageError. */
export function refuseOtherPlace(running: BatchStatus, location: BatchLocation): void {
  if (running.location === addressOf(location)) return;
  throw new UsageError(
    `Batch "${location.batchId}" is running already, at ${running.location}. Choose another --id for ${addressOf(location)}.`,
  );
}

/**
 * A batch stays with the account that it was first run with: the sandbox's drawings must not pass for images. Throws a
 * UsageError where another account is configured.
 */
export function refuseOtherAccount(
  { batchId }: BatchLocation,
  files: BatchFiles | undefined,
  own: AccountId | undefined,
): void {
  const owner = files?.batch?.account;
  if (owner === undefined || own === undefined || owner === own) return;
  throw new UsageError(
    `Batch "${batchId}" belongs to account ${owner}, and ${own} is configured. Use --new or another --id to make the images with this account.`,
  );
}

/** A failures.csv is a part of its batch: as the whole of it, it would take all other rows out. Throws a UsageError. */
export function refuseFailuresAlone(
  sheet: string,
  { batchId }: BatchLocation,
  { summary, removed }: SubmissionPlan,
): void {
  if (!summary.isFailures || removed === 0) return;
  throw new UsageError(
    `${sheet} is a failures.csv, and batch "${batchId}" has ${counted(removed, 'row')} that it lacks and would lose. Give it an id of its own, such as --id ${batchId.slice(0, 60)}-mended.`,
  );
}
