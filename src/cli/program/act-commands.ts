import type { Command as Program } from '@commander-js/extra-typings';
import type { ExitCode } from '../terminal/command-context.js';
import { redoOptions, retryOptions, withRedoFlags, withRetryFlags } from '../again/again-flags.js';
import { budget, chosenRate, wholeNumber } from '../terminal/option-parsers.js';
import { MAX_CONCURRENCY } from '../../domain/batch/batch-settings.js';
import { RATE_RULE } from '../../domain/time/request-rate.js';
import { example, type Performer } from './perform.js';

/** The commands that change a batch. */
export function addActCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { onBucket, perform }: Performer,
): void {
  program.commandsGroup('Act:');
  program
    .command('pause')
    .description('stop buying until "resume"; images of jobs in flight are still stored')
    .argument('<id>', 'id of the batch')
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch pause prompts'))
    .action(async (id, flags) =>
      end(await perform(async () => (await import('../control/pause.js')).pause, { id, ...flags })),
    );
  program
    .command('resume')
    .description('continue after a pause, and check at once whether holds can end')
    .argument('<id>', 'id of the batch')
    .option(
      '--rebind',
      "the API key was rotated: accept the workers' new key if it knows the batch's jobs",
      false,
    )
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch resume prompts'))
    .action(async (id, flags) =>
      end(await perform(async () => (await import('../control/resume.js')).resume, { id, ...flags })),
    );
  program
    .command('set')
    .description('change the settings of a running batch')
    .argument('<id>', 'id of the batch')
    .option('--concurrency <n>', 'maximum number of jobs in flight', wholeNumber(1, MAX_CONCURRENCY))
    .option(
      '--max-failure-rate <percent>',
      'hold the batch when a higher percentage of its latest generations fails; 100 never holds',
      wholeNumber(1, 100),
    )
    .option('--budget <amount>', 'spending limit of this run, with what it has spent so far', budget)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText(
      'after',
      example('banana-batch set prompts --concurrency 20', undefined, [
        'banana-batch set prompts --budget 50',
        'continues a batch whose budget is spent',
      ]),
    )
    .action(async (id, flags) =>
      end(await perform(async () => (await import('../control/set.js')).set, { id, ...flags })),
    );
  program
    .command('rate')
    .description('show or set the limits on creates and polls, for all workers and batches together')
    .argument('[creates]', `limit on creates: ${RATE_RULE}; or off`, chosenRate)
    .option('--polls <rate>', 'limit on polls of jobs, in the same form', chosenRate)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText(
      'after',
      `
Temporal keeps the limits, for every worker of this task queue, until they are changed. A create counts when it is
handed to a worker, and so does each retry. Balance checks and the checks of holds do not count.`,
    )
    .addHelpText('after', example('banana-batch rate 600/m --polls 20/s'))
    .action(async (creates, flags) =>
      end(
        await perform(async () => (await import('../control/rate.js')).rate, {
          ...(creates !== undefined && { creates }),
          ...flags,
        }),
      ),
    );
  program
    .command('cancel')
    .description('end a batch: stop buying, and give jobs in flight time to finish (--grace of the run)')
    .argument('<id>', 'id of the batch')
    .option('--force', 'terminate its workflows at once, without a final report; for a stuck batch', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch cancel prompts'))
    .action(async (id, flags) =>
      end(await perform(async () => (await import('../control/cancel.js')).cancel, { id, ...flags })),
    );
  withRetryFlags(
    program
      .command('retry')
      .description('retry rows without an image; what is already paid is not paid again'),
  )
    .addHelpText(
      'after',
      example('banana-batch retry prompts --dry-run', 'shows what would be retried', [
        'banana-batch retry prompts --kind refused,flaky',
      ]),
    )
    .action(async (id, flags) =>
      end(await perform(async () => (await import('../again/retry.js')).retry, retryOptions(id, flags))),
    );
  withRedoFlags(
    program
      .command('redo')
      .description('make rows again; each row keeps its image until the new one is stored'),
  )
    .addHelpText('after', example('banana-batch redo prompts --rows lighthouse-keeper,harbour'))
    .action(async (id, flags) =>
      end(await perform(async () => (await import('../again/redo.js')).redo, redoOptions(id, flags))),
    );

  program
    .command('prune')
    .description('delete images, thumbnails and pages that no row of a finished batch uses')
    .argument('<id>', 'id of the batch')
    .option('-y, --yes', 'do not ask for confirmation', false)
    .option('--dry-run', 'show what would be deleted, and delete nothing', false)
    .option('--json', 'print one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch prune prompts --dry-run'))
    .action(async (id, flags) =>
      end(await onBucket(async () => (await import('../batch/prune.js')).prune, { id, ...flags })),
    );
}
