import type { BatchLocation } from '../../storage/layout.js';
import { workersOf } from '../../starter.js';
import { withBatchAccess } from '../terminal/batch-access.js';
import { checkKey } from './checked-key.js';
import { readGivenSheet } from './checked-sheet.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { dryRun } from './dry-run.js';
import { withSheetFile } from './sheet-file.js';
import { submitSheet, type SubmissionOptions } from './submission.js';
import { submissionJson } from './submission-plan-text.js';

/** Starts a sheet as a batch and returns; workers do the rest. */
export const submit: Command<SubmissionOptions> = (context, options) => {
  const { config, stdout, stderr } = context;
  return withSheetFile(options.sheet, context, async (file) => {
    const sheet = await readGivenSheet(context, file, options);
    if (options.dryRun) return dryRun(context, sheet, options);
    await checkKey(context);
    return withBatchAccess(config, async (access) => {
      const submitted = await submitSheet(context, access, sheet, options);
      switch (submitted.kind) {
        case 'declined':
          stderr.write('Nothing was started.\n');
          return EXIT.refused;
        case 'interrupted':
          stderr.write('Nothing was started.\n');
          return EXIT.interrupted;
        case 'running': {
          const { location, plan } = submitted;
          if (options.json) stdout.write(`${submissionJson(location, plan)}\n`);
          stderr.write(`Batch "${location.batchId}" is already running on this sheet. ${lookAt(location)}\n`);
          return EXIT.ok;
        }
        case 'busy':
          stderr.write(
            `Batch "${submitted.location.batchId}" is running on another sheet, or with other settings; wait for it, or choose another --id. ${lookAt(submitted.location)}\n`,
          );
          return EXIT.refused;
        case 'nothing-to-do':
          if (options.json) stdout.write(`${submissionJson(submitted.location, submitted.plan)}\n`);
          stderr.write('Nothing to do: every row of the sheet is already done.\n');
          return EXIT.ok;
        case 'started': {
          const { run, plan } = submitted;
          if (options.json) stdout.write(`${submissionJson(run, plan)}\n`);
          stderr.write(`Started. ${lookAt(run)}\n`);
          const workers = await workersOf(access);
          if (workers?.length === 0) {
            stderr.write(
              'No worker is running, so nothing happens yet; start one: npx banana-batch worker\n',
            );
          }
          return EXIT.ok;
        }
      }
    });
  });
};

function lookAt({ batchId }: BatchLocation): string {
  return `Watch it with: banana-batch status ${batchId} --watch`;
}
