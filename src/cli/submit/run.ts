import { requireSound } from '../../config.js';
import type { BatchLocation } from '../../storage/layout.js';
import { readBatchStatus } from '../../starter.js';
import { withBatchAccess } from '../terminal/batch-access.js';
import { checkKey } from './checked-key.js';
import { readGivenSheet } from './checked-sheet.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { dryRun } from './dry-run.js';
import { describeEngine, withEngine } from '../terminal/engine.js';
import { inputReachText } from './input-reach.js';
import { withSheetFile } from './sheet-file.js';
import { submitSheet, type Submitted, type SubmissionOptions } from './submission.js';
import { showEnd, watchToEnd } from '../watch/watch-to-end.js';

/** Runs a sheet from start to end: starts whatever is not configured, submits, watches, and prints where everything is. */
export const run: Command<SubmissionOptions> = (context, options) => {
  const { cwd, stderr } = context;
  return withSheetFile(options.sheet, context, async (file) => {
    const sheet = await readGivenSheet(context, file, options);
    if (options.dryRun) return dryRun(context, sheet, options);
    requireSound(context.config);
    // Before servers are started needlessly; uncertain cases are reported with the plan.
    if (!context.config.bucket) await inputReachText(context.config, sheet.summary.inputs);
    await checkKey(context);
    return withEngine(context, (engine) =>
      withBatchAccess(engine.config, async (access) => {
        stderr.write(describeEngine(engine, cwd));
        const submitted = await submitSheet(context, access, sheet, options);
        const location = locationOf(submitted);
        if (!location) {
          stderr.write('Nothing was started.\n');
          return submitted.kind === 'interrupted' ? EXIT.interrupted : EXIT.refused;
        }
        announce(context, submitted);
        const watched = {
          location,
          access,
          config: engine.config,
          engine,
          json: options.json,
          asks: !options.yes,
        };
        const ended =
          submitted.kind === 'nothing-to-do' ? await readBatchStatus(access, location) : undefined;
        return ended ? showEnd(context, watched, ended) : watchToEnd(context, watched);
      }),
    );
  });
};

function locationOf(submitted: Submitted): BatchLocation | undefined {
  switch (submitted.kind) {
    case 'started':
      return submitted.run;
    case 'running':
    case 'busy':
    case 'nothing-to-do':
      return submitted.location;
    case 'declined':
    case 'interrupted':
      return undefined;
  }
}

function announce({ stderr }: CommandContext, submitted: Submitted): void {
  if (submitted.kind === 'running') {
    stderr.write(`Continuing batch "${submitted.location.batchId}".\n`);
  }
  if (submitted.kind === 'busy') {
    stderr.write(
      `Batch "${submitted.location.batchId}" is still running on another sheet, or with other settings, and is shown here; run this sheet again when it has finished, or with another --id.\n`,
    );
  }
  if (submitted.kind === 'nothing-to-do')
    stderr.write('Nothing to do: every row of the sheet is already done.\n');
}
