import type { Command, OptionValues } from '@commander-js/extra-typings';
import { UNSTORED_KINDS } from '../../domain/rows/failure-kind.js';
import { canaryOptions } from '../submit/flags/canary-flags.js';
import { namesOf } from '../terminal/option-parsers.js';
import type { RedoOptions } from './redo.js';
import type { RetryOptions } from './retry.js';
import { withRunningFlags } from '../submit/flags/running-flags.js';
import { REBIND } from '../submit/flags/submission-flags.js';
import type { FlagsOf, NoFlags } from '../terminal/typed-flags.js';

type Flags = FlagsOf<typeof withAgainFlags<[], NoFlags, NoFlags>>;

/** Adds the batch, the selection of a retry's rows, and how to run. */
export function withRetryFlags(program: Command) {
  return withAgainFlags(
    program
      .argument('<id>', 'id of the batch')
      .optionsGroup('Rows:')
      .option(
        '--kind <list>',
        `retry only rows that ended as: ${UNSTORED_KINDS.join(', ')}; cancelled includes unfinished rows (default: all but invalid, refused and unknown-charge)`,
        namesOf(UNSTORED_KINDS),
      ),
  )
    .optionsGroup('Running:')
    .option(
      '--force',
      'terminate a batch that is stuck or still running, and continue from the bucket with what is left of its budget',
      false,
    );
}

/** Adds the batch, the rows of a redo, and how to run. */
export function withRedoFlags(program: Command) {
  return withAgainFlags(
    program
      .argument('<id>', 'id of the batch')
      .optionsGroup('Rows:')
      .option(
        '--rows <list>',
        'ids, image names or sheet lines of rows, separated by commas',
        (list: string) =>
          list
            .split(',')
            .map((row) => row.trim())
            .filter((row) => row !== ''),
      )
      .option('--rows-file <file>', 'file with one row per line; "-" for standard input'),
  );
}

function withAgainFlags<Args extends unknown[], Flags extends OptionValues, Globals extends OptionValues>(
  program: Command<Args, Flags, Globals>,
) {
  return withRunningFlags(program, 'as in the previous run')
    .option('--rebind', REBIND, false)
    .option('-w, --watch', 'keep watching until the batch ends', false)
    .optionsGroup('Output:')
    .option('--dry-run', 'show what would be made, using only the bucket, and do nothing', false)
    .option('-y, --yes', 'do not ask for confirmation', false)
    .option('--json', 'print one JSON document on standard output', false);
}

/** The options of a retry from its flags. */
export function retryOptions(id: string, flags: FlagsOf<typeof withRetryFlags>): RetryOptions {
  return { ...againOptions(id, flags), force: flags.force, kinds: flags.kind ?? [] };
}

/** The options of a redo from its flags. */
export function redoOptions(id: string, flags: FlagsOf<typeof withRedoFlags>): RedoOptions {
  const { rows, rowsFile } = flags;
  return {
    ...againOptions(id, flags),
    force: false,
    ...(rows && { rows }),
    ...(rowsFile !== undefined && { rowsFile }),
  };
}

function againOptions(id: string, flags: Flags): Omit<RetryOptions, 'kinds' | 'force'> {
  const { rebind, watch, dryRun, yes, json } = flags;
  return { id, running: flags, canary: canaryOptions(flags), rebind, watch, dryRun, yes, json };
}
