import { firstPlan, planSubmission } from '../batch/plan-submission.js';
import { ownAccount, withBucket } from './batch-access.js';
import { readBatchFiles } from './batch-files.js';
import type { CheckedSheet } from './checked-sheet.js';
import { EXIT, type CommandContext, type ExitCode } from './command-context.js';
import { placeOf, sheetToPlan, type SubmissionOptions } from './submission.js';
import { planText, rejectedByBatchText, submissionJson } from './submission-plan-text.js';
import { refuseNoRoomForNames, refuseOtherAccount, refuseUnusable } from './submission-refusals.js';

/**
 * Tells what a submission would do, and does nothing. Without a bucket the sheet alone is looked at. Throws a
 * UsageError for what would be refused.
 */
export async function dryRun(
  { config, stdout, stderr }: CommandContext,
  sheet: CheckedSheet,
  options: SubmissionOptions,
): Promise<ExitCode> {
  if (config.bucket) {
    await withBucket(config, async (store, bucket) => {
      const location = placeOf(bucket, sheet, options);
      refuseNoRoomForNames(location, sheet.summary);
      refuseOtherAccount(location, await readBatchFiles(store, location), ownAccount(config), options);
      const plan = await planSubmission(store, location, sheetToPlan(sheet, options));
      stderr.write(`${rejectedByBatchText(sheet.summary, plan)}${planText(location, plan)}`);
      refuseUnusable(plan.summary, options.sheetSettings.strict);
      if (options.json) stdout.write(`${submissionJson(location, plan)}\n`);
    });
  } else if (options.json) {
    const location = placeOf({ bucket: 'BUCKET', prefix: '' }, sheet, options);
    stdout.write(`${submissionJson(location, firstPlan(sheet.summary))}\n`);
  }
  stderr.write('Dry run: nothing was uploaded, started or bought.\n');
  return EXIT.ok;
}
