import { planSubmission, type SubmissionPlan } from '../batch/plan-submission.js';
import { withBucket } from './batch-access.js';
import { EXIT, type CommandContext, type ExitCode } from './command-context.js';
import {
  placeOf,
  showPlan,
  submissionJson,
  type CheckedSheet,
  type SubmissionOptions,
} from './submission.js';

/** Tells what a submission would do, and does nothing. Without a bucket the sheet alone is looked at. */
export async function dryRun(
  context: CommandContext,
  sheet: CheckedSheet,
  options: SubmissionOptions,
): Promise<ExitCode> {
  const { config, stdout, stderr } = context;
  if (config.bucket) {
    await withBucket(config, async (store, bucket) => {
      const location = placeOf(bucket, sheet, options);
      const plan = await planSubmission(store, location, sheet, options.sheetSettings, sheet.summary);
      showPlan(context, location, plan);
      if (options.json) stdout.write(`${submissionJson(location, plan)}\n`);
    });
  } else {
    const location = placeOf({ bucket: 'BUCKET', prefix: '' }, sheet, options);
    const plan: SubmissionPlan = {
      runSeq: 1,
      summary: sheet.summary,
      new: sheet.summary.rows,
      changed: 0,
      again: 0,
      unchanged: 0,
      removed: 0,
    };
    if (options.json) stdout.write(`${submissionJson(location, plan)}\n`);
  }
  stderr.write('Dry run: nothing was uploaded, started or bought.\n');
  return EXIT.ok;
}
