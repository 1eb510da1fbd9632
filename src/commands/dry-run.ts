import { choosePlace } from '../batch/batch-place.js';
import { firstPlan, planSubmission } from '../batch/plan-submission.js';
import { homeOf } from '../storage/layout.js';
import { ownAccount, withBucket } from './batch-access.js';
import { readBatchFiles } from './batch-files.js';
import type { CheckedSheet } from './checked-sheet.js';
import { EXIT, type CommandContext, type ExitCode } from './command-context.js';
import { batchIdOf, sheetToPlan, type SubmissionOptions } from './submission.js';
import { planText, submissionJson } from './submission-plan-text.js';
import { refuseOtherAccount, refuseUnreachable } from './submission-refusals.js';

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
      refuseUnreachable(bucket, options.to);
      const location = await choosePlace(store, homeOf(bucket, batchIdOf(options, sheet)), options.to);
      refuseOtherAccount(location, await readBatchFiles(store, location), ownAccount(config), options);
      const plan = await planSubmission(store, location, sheetToPlan(sheet, options));
      stderr.write(planText(location, plan));
      if (options.json) stdout.write(`${submissionJson(location, plan)}\n`);
    });
  } else if (options.json) {
    const batchId = batchIdOf(options, sheet);
    const home = homeOf({ bucket: 'BUCKET', prefix: '' }, batchId);
    const location = options.to ? { ...options.to, batchId } : home;
    stdout.write(`${submissionJson(location, firstPlan(sheet.summary))}\n`);
  }
  stderr.write('Dry run: nothing was uploaded, started or bought.\n');
  return EXIT.ok;
}
