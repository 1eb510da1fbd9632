import type { Command } from '@commander-js/extra-typings';
import { UsageError } from '../../../errors.js';
import { canaryOptions } from './canary-flags.js';
import { batchId, s3Folder, wholeNumber } from '../../terminal/option-parsers.js';
import { runSettings, spendingIn, withRunningFlags } from './running-flags.js';
import { sheetSettings, withSheetFlags } from './sheet-flags.js';
import type { SubmissionOptions } from '../submission.js';
import type { FlagsOf } from '../../terminal/typed-flags.js';

/** The help text of `--rebind`. */
export const REBIND = "the API key was rotated: accept the new key if it knows the batch's jobs";

/** Commander's values for `submit` and `run`. */
type Flags = FlagsOf<typeof withSubmissionFlags>;

/** Adds the sheet argument and all flags that `submit` and `run` share. */
export function withSubmissionFlags(program: Command) {
  const sheet = program
    .argument(
      '<sheet>',
      'CSV, TSV or JSON Lines, also packed (.gz): a path, "-" for standard input, s3://bucket/key, or https://…',
    )
    .option(
      '--id <name>',
      "id of the batch; submitting under the same id continues that batch (default: the file's name)",
      batchId,
    )
    .option(
      '--to <folder>',
      'store the batch in this empty folder, s3://bucket/folder/; later commands still find it by its id (default: a folder named after the id, in $BANANA_BUCKET under $BANANA_PREFIX)',
      s3Folder,
    )
    .option('--new', 'start a separate batch; the time is appended to its id', false)
    .option(
      '--merge',
      'keep rows of the batch that are not in the sheet (always on for a failures.csv or rejects.csv)',
      false,
    )
    .option(
      '--new-ids',
      'accept ids in a failures.csv or rejects.csv that are not in the batch, as new rows',
      false,
    )
    .option('--rebind', REBIND, false);
  return withRunningFlags(withSheetFlags(sheet))
    .optionsGroup('Output:')
    .option(
      '--dry-run',
      'show what would be made, where, how long it takes and what it costs, and do nothing',
      false,
    )
    .option('--rejects <file>', 'with --dry-run: write the records that would be rejected to this CSV file')
    .option(
      '--show <n>',
      'with --dry-run: show this many rows as they would be sent',
      wholeNumber(0, 1000),
      3,
    )
    .option('-y, --yes', 'do not ask for confirmation', false)
    .option('--json', 'print one JSON document on standard output', false);
}

/** The options of a submission from its flags. Throws a UsageError for invalid combinations. */
export function submissionOptions(sheet: string, flags: Flags): SubmissionOptions {
  if (flags.rejects !== undefined && !flags.dryRun) {
    throw new UsageError('--rejects needs --dry-run; a submission writes rejects.csv in the batch.');
  }
  return {
    sheet: sheetName(sheet),
    ...(flags.id && { id: flags.id }),
    ...(flags.to && { to: flags.to }),
    new: flags.new,
    sheetSettings: sheetSettings(flags),
    settings: runSettings(flags),
    spending: spendingIn(flags),
    canary: canaryOptions(flags),
    merge: flags.merge,
    newIds: flags.newIds || flags.new,
    rebind: flags.rebind,
    dryRun: flags.dryRun,
    ...(flags.rejects !== undefined && { rejects: flags.rejects }),
    show: flags.show,
    yes: flags.yes,
    json: flags.json,
  };
}

/** The name of a sheet as given: spaces around a pasted URL are removed, but a path may contain them. */
export function sheetName(given: string): string {
  return /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given.trim() : given;
}
