import type { Command as Program } from '@commander-js/extra-typings';
import type { ExitCode } from '../terminal/command-context.js';
import { submissionOptions, withSubmissionFlags } from '../submit/flags/submission-flags.js';
import { example, type Performer } from './perform.js';

/** `run` and `submit`. */
export function addStartCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { perform }: Performer,
): void {
  program.commandsGroup('Start:');
  const submission = (name: string, description: string) =>
    withSubmissionFlags(program.command(name).description(description));

  submission(
    'run',
    'run a sheet and watch it; starts whatever is not configured (local Temporal, S3, sandbox, worker)',
  )
    .addHelpText(
      'after',
      example('banana-batch run prompts.tsv --map prompt=Prompt --concurrency 50', undefined, [
        "banana-batch run pets.csv --template 'a {{red,green}} {{animal|cat}}' --images-per-prompt 10 --dry-run",
        'shows ten random prompts per row, buys nothing',
      ]),
    )
    .action(async (sheet, flags) =>
      end(await perform(async () => (await import('../submit/run.js')).run, submissionOptions(sheet, flags))),
    );
  submission('submit', 'start a sheet as a batch and return; workers do the rest')
    .addHelpText(
      'after',
      example(
        'banana-batch submit https://docs.google.com/spreadsheets/d/KEY/edit --id tonight --yes',
        'or s3://sheets/tonight.csv.gz',
      ),
    )
    .action(async (sheet, flags) =>
      end(
        await perform(
          async () => (await import('../submit/submit.js')).submit,
          submissionOptions(sheet, flags),
        ),
      ),
    );
}
