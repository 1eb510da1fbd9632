import { withBatchAccess } from './batch-access.js';
import { EXIT, type Command } from './command-context.js';
import { dryRun } from './dry-run.js';
import { withSheetFile } from './sheet-file.js';
import { checkedSheet, submitSheet, submissionJson, type SubmissionOptions } from './submission.js';

/** Starts a sheet as a batch and returns; workers do the rest. */
export const submit: Command<SubmissionOptions> = (context, options) => {
  const { config, cwd, stdin, stdout, stderr } = context;
  return withSheetFile(options.sheet, { cwd, stdin, bucket: config.bucket }, async (file) => {
    const sheet = await checkedSheet(context, file, options);
    if (options.dryRun) return dryRun(context, sheet, options);
    return withBatchAccess(config, async (access) => {
      const submitted = await submitSheet(context, access, sheet, options);
      switch (submitted.kind) {
        case 'declined':
          stderr.write('Nothing was started.\n');
          return EXIT.refused;
        case 'running': {
          const { batchId } = submitted.location;
          const what = submitted.sameSheet
            ? 'on this sheet already'
            : 'on another sheet; wait for it, or choose another --id';
          stderr.write(
            `Batch "${batchId}" is running ${what}. See it with: banana-batch status ${batchId} --watch\n`,
          );
          return submitted.sameSheet ? EXIT.ok : EXIT.refused;
        }
        case 'nothing-to-do':
          if (options.json) stdout.write(`${submissionJson(submitted.location, submitted.plan)}\n`);
          stderr.write('Nothing to do: every row of the sheet has its outcome already.\n');
          return EXIT.ok;
        case 'started': {
          const { run, plan } = submitted;
          if (options.json) stdout.write(`${submissionJson(run, plan)}\n`);
          stderr.write(`Started. See it with: banana-batch status ${run.batchId} --watch\n`);
          return EXIT.ok;
        }
      }
    });
  });
};
