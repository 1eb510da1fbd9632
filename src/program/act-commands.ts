import type { Command as Program } from 'commander';
import type { ExitCode } from '../commands/command-context.js';
import { redoOptions, retryOptions, withRedoFlags, withRetryFlags } from '../commands/again-flags.js';
import { budget, chosenRate, wholeNumber } from '../commands/option-parsers.js';
import type { ChosenRate, RateOptions } from '../commands/rate.js';
import type { SetOptions } from '../commands/set.js';
import { MAX_CONCURRENCY } from '../domain/batch-settings.js';
import { RATE_RULE } from '../domain/request-rate.js';
import { example, type Performer } from './perform.js';

/** The commands that change a batch. */
export function addActCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { look, perform }: Performer,
): void {
  program.commandsGroup('Act:');
  program
    .command('pause')
    .description('buy nothing more until resume; what is in flight is still stored')
    .argument('<id>', 'the batch')
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch pause prompts'))
    .action(async (id: string, flags: { json: boolean }) =>
      end(await perform(async () => (await import('../commands/pause.js')).pause, { id, ...flags })),
    );
  program
    .command('resume')
    .description('go on after a pause, and look now whether the causes of holds have ended')
    .argument('<id>', 'the batch')
    .option(
      '--rebind',
      "the account has a new key: take the workers' key for the batch's own, once it has shown that it knows the batch's jobs",
      false,
    )
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch resume prompts'))
    .action(async (id: string, flags: { rebind: boolean; json: boolean }) =>
      end(await perform(async () => (await import('../commands/resume.js')).resume, { id, ...flags })),
    );
  program
    .command('set')
    .description('change a running batch')
    .argument('<id>', 'the batch')
    .option('--concurrency <n>', 'most unfinished jobs at a time', wholeNumber(1, MAX_CONCURRENCY))
    .option(
      '--max-failure-rate <percent>',
      'hold it where more of its last generations fail; 100 never does',
      wholeNumber(1, 100),
    )
    .option('--budget <amount>', 'what its run may cost, for a run that has a budget', budget)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch set prompts --concurrency 20'))
    .addHelpText(
      'after',
      example('banana-batch set prompts --budget 50', 'goes on where the budget was spent'),
    )
    .action(async (id: string, flags: Omit<SetOptions, 'id'>) =>
      end(await perform(async () => (await import('../commands/set.js')).set, { id, ...flags })),
    );
  program
    .command('rate')
    .description('set how fast all workers together create and poll, whatever the batch; alone, show it')
    .argument('[creates]', `how many creates: ${RATE_RULE}; or off`, chosenRate)
    .option('--polls <rate>', 'how many looks at jobs, in the same way', chosenRate)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText(
      'after',
      `
Kept by Temporal, for every worker of this task queue, until it is changed. Creates count as they are handed to a
worker, retries too; polls are all looks at jobs of rows. Looks at the balance and probes of holds do not count.`,
    )
    .addHelpText('after', example('banana-batch rate 600/m --polls 20/s'))
    .action(async (creates: ChosenRate | undefined, flags: Omit<RateOptions, 'creates'>) =>
      end(
        await perform(async () => (await import('../commands/rate.js')).rate, {
          ...(creates !== undefined && { creates }),
          ...flags,
        }),
      ),
    );
  program
    .command('cancel')
    .description('end a batch: buys nothing more, lets jobs in flight finish within the grace')
    .argument('<id>', 'the batch')
    .option('--force', 'end its workflows as they are, without a final report, where it is stuck', false)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch cancel prompts'))
    .action(async (id: string, flags: { force: boolean; json: boolean }) =>
      end(await perform(async () => (await import('../commands/cancel.js')).cancel, { id, ...flags })),
    );
  withRetryFlags(
    program
      .command('retry')
      .description('try again what is not stored; pays for nothing that is paid already'),
  )
    .addHelpText('after', example('banana-batch retry prompts --dry-run', 'what it would do'))
    .addHelpText('after', example('banana-batch retry prompts --kind refused,flaky'))
    .action(async (id: string, flags: Parameters<typeof retryOptions>[1]) =>
      end(await perform(async () => (await import('../commands/retry.js')).retry, retryOptions(id, flags))),
    );
  withRedoFlags(
    program
      .command('redo')
      .description('make rows anew; the image that a row has stays until the new one is there'),
  )
    .addHelpText('after', example('banana-batch redo prompts --rows lighthouse-keeper,harbour'))
    .action(async (id: string, flags: Parameters<typeof redoOptions>[1]) =>
      end(await perform(async () => (await import('../commands/redo.js')).redo, redoOptions(id, flags))),
    );

  program
    .command('prune')
    .description('delete images, thumbnails and pages that no row of an ended batch names any more')
    .argument('<id>', 'the batch')
    .option('-y, --yes', 'do not ask', false)
    .option('--dry-run', 'only say what would be deleted', false)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch prune prompts --dry-run'))
    .action(async (id: string, flags: { yes: boolean; dryRun: boolean; json: boolean }) =>
      end(await look(async () => (await import('../commands/prune.js')).prune, { id, ...flags })),
    );
}
