#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command as Program, CommanderError } from 'commander';
import { redoOptions, retryOptions, withRedoFlags, withRetryFlags } from './commands/again-flags.js';
import { EXIT, type Command, type CommandContext, type ExitCode } from './commands/command-context.js';
import { withSubmissionFlags, submissionOptions } from './commands/submission-flags.js';
import { byteSize, namesOf, wholeNumber } from './commands/option-parsers.js';
import { jobTime, misbehaviourRate, rate, sandboxHelp } from './commands/sandbox-option-parsers.js';
import type { SandboxCommandOptions } from './commands/sandbox.js';
import { loadDotEnv, readConfig } from './config.js';
import { findStack } from './embedded/stack-info.js';
import { WORKER_ROLES, type WorkerRole } from './worker-roles.js';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** The process as far as commands see it; Ctrl-C aborts once, and ends the process the second time. */
async function openContext(): Promise<CommandContext> {
  const cwd = process.cwd();
  loadDotEnv(cwd);
  const stack = await findStack(cwd);
  return {
    cwd,
    environment: process.env,
    config: readConfig(process.env, stack),
    stack,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    interrupted: interruptions(),
  };
}

function interruptions(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write('\nStopping; once more ends it at once.\n');
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

/** Runs a command, which is loaded only now: `--help` stays quick. */
async function perform<Options>(load: () => Promise<Command<Options>>, options: Options): Promise<ExitCode> {
  // Must stand before the AWS SDK is loaded; the supported versions are our own affair.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const context = await openContext();
  const command = await load();
  return command(context, options);
}

/** The process ends with the code that the chosen command gave. */
function buildProgram(end: (code: ExitCode) => void): Program {
  const program = new Program('banana-batch')
    .description(
      'Turns a sheet of prompts into images in your own S3 bucket: durable, restartable, never paid twice.',
    )
    .version(version)
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText(
      'after',
      example('banana-batch run examples/prompts.csv', 'everything local, nothing to set up'),
    );

  const submission = (name: string, description: string): Program =>
    withSubmissionFlags(program.command(name).description(description));

  program.commandsGroup('Start:');
  submission('run', 'run a sheet and watch it; starts itself what is not configured')
    .addHelpText('after', example('banana-batch run prompts.tsv --map prompt=Prompt --concurrency 50'))
    .action(async (sheet, flags) =>
      end(
        await perform(async () => (await import('./commands/run.js')).run, submissionOptions(sheet, flags)),
      ),
    );
  submission('submit', 'start a sheet as a batch and return; workers do the rest')
    .addHelpText('after', example('banana-batch submit s3://sheets/tonight.csv --id tonight --yes'))
    .action(async (sheet, flags) =>
      end(
        await perform(
          async () => (await import('./commands/submit.js')).submit,
          submissionOptions(sheet, flags),
        ),
      ),
    );

  program.commandsGroup('Look:');
  program
    .command('status')
    .description('where a batch is')
    .argument('<id>', 'the batch')
    .option('-w, --watch', 'until it ends', false)
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch status prompts --watch'))
    .action(async (id: string, flags: { watch: boolean; json: boolean }) =>
      end(await look(async () => (await import('./commands/status.js')).status, { id, ...flags })),
    );

  program
    .command('list')
    .description('all batches')
    .option('--limit <count>', 'only the newest so many', wholeNumber(1, 1_000_000))
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch list --limit 20'))
    .action(async (flags: { limit?: number; json: boolean }) =>
      end(await look(async () => (await import('./commands/list.js')).list, flags)),
    );
  program
    .command('failures')
    .description('what did not become an image, and why')
    .argument('<id>', 'the batch')
    .option('--csv', 'print failures.csv itself, to mend and submit', false)
    .option(
      '--limit <count>',
      'most rows to list (default: 50 in a table, all in JSON)',
      wholeNumber(1, 1_000_000),
    )
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch failures prompts --csv > again.csv'))
    .action(async (id: string, flags: { csv: boolean; limit?: number; json: boolean }) =>
      end(await look(async () => (await import('./commands/failures.js')).failures, { id, ...flags })),
    );
  program
    .command('row')
    .description("one row's whole story: jobs, charges, errors, where its image lies")
    .argument('<id>', 'the batch')
    .argument('<row>', "the row's id")
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch row prompts lighthouse-keeper'))
    .action(async (id: string, rowId: string, flags: { json: boolean }) =>
      end(await look(async () => (await import('./commands/row.js')).row, { id, rowId, ...flags })),
    );
  program
    .command('doctor')
    .description('check configuration, Temporal, bucket, key and clock, and say what to mend')
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch doctor'))
    .action(async (flags: { json: boolean }) =>
      end(await perform(async () => (await import('./commands/doctor.js')).doctor, flags)),
    );

  program.commandsGroup('Act:');
  program
    .command('cancel')
    .description('end a batch: buys nothing more, lets jobs in flight finish within the grace')
    .argument('<id>', 'the batch')
    .option('--json', 'one JSON document on standard output', false)
    .addHelpText('after', example('banana-batch cancel prompts'))
    .action(async (id: string, flags: { json: boolean }) =>
      end(await perform(async () => (await import('./commands/cancel.js')).cancel, { id, ...flags })),
    );
  withRetryFlags(
    program
      .command('retry')
      .description('try again what is not stored; pays for nothing that is paid already'),
  )
    .addHelpText('after', example('banana-batch retry prompts --kind refused,flaky'))
    .action(async (id: string, flags: Parameters<typeof retryOptions>[1]) =>
      end(await perform(async () => (await import('./commands/retry.js')).retry, retryOptions(id, flags))),
    );
  withRedoFlags(
    program
      .command('redo')
      .description('make rows anew; the image that a row has stays until the new one is there'),
  )
    .addHelpText('after', example('banana-batch redo prompts --rows lighthouse-keeper,harbour'))
    .action(async (id: string, flags: Parameters<typeof redoOptions>[1]) =>
      end(await perform(async () => (await import('./commands/redo.js')).redo, redoOptions(id, flags))),
    );

  program.commandsGroup('Serve:');
  program
    .command('dev')
    .description('local Temporal (with web UI), S3, sandbox and a worker, until Ctrl-C')
    .option('--json', 'one JSON document on standard output when ready', false)
    .addHelpText('after', example('banana-batch dev'))
    .action(async (flags: { json: boolean }) =>
      end(await perform(async () => (await import('./commands/dev.js')).dev, flags)),
    );
  program
    .command('worker')
    .description('work for batches until Ctrl-C; run as many as you like')
    .option('--roles <list>', 'which work to take, to split a fleet', namesOf(WORKER_ROLES), WORKER_ROLES)
    .option('--image-memory <size>', 'memory for images on their way', byteSize, 256 * 1024 * 1024)
    .addHelpText('after', example('banana-batch worker --image-memory 512MB'))
    .action(async (flags: { roles: readonly WorkerRole[]; imageMemory: number }) =>
      end(
        await perform(async () => (await import('./commands/worker.js')).worker, {
          roles: flags.roles,
          imageBytes: flags.imageMemory,
        }),
      ),
    );
  program
    .command('sandbox')
    .description("the API's stand-in alone, until Ctrl-C: drawings instead of images, free of charge")
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <port>', 'of the API; 0 for a free one', wholeNumber(0, 65_535), 7071)
    .option('--images-port <port>', 'of the image host; 0 for a free one', wholeNumber(0, 65_535), 7072)
    .option('--images-origin <url>', 'of image URLs, where clients reach the image host under another one')
    .option('--key <key>', 'the API key to accept', 'sandbox-key')
    .option('--seed <text>', 'decides job times, failures and misbehaviour')
    .option('--job-time <time>', 'how long jobs take: 2s, or 2s..6s (the default)', jobTime)
    .option('--everything <rate>', 'rate of every misbehaviour, 0 to 1', rate)
    .option('--rate <name=rate>', 'rate of one misbehaviour; repeatable', misbehaviourRate)
    .option('--balance <amount>', 'what the account holds')
    .option('--image-bytes <size>', 'pads images to this size', byteSize)
    .option('--state-file <file>', 'keeps jobs and balance from one start to the next')
    .option('--json', 'one JSON document on standard output when ready', false)
    .addHelpText('after', () => sandboxHelp())
    .addHelpText('after', example('banana-batch sandbox --job-time 1s..3s --rate image-cut=0.05'))
    .action(async (flags: SandboxCommandOptions) =>
      end(await perform(async () => (await import('./commands/sandbox.js')).sandbox, flags)),
    );
  return program;
}

/** Runs a command that only looks: it works on this folder's bucket even while nothing runs. */
async function look<Options>(load: () => Promise<Command<Options>>, options: Options): Promise<ExitCode> {
  return perform(async () => {
    const { withFolderBucket } = await import('./commands/engine.js');
    const command = await load();
    return (context, given) => withFolderBucket(context, (found) => command(found, given));
  }, options);
}

function example(command: string, note?: string): string {
  return `\nExample:\n  $ ${command}${note ? `   # ${note}` : ''}\n`;
}

/** Runs the command that `argv` (without node and script) names. Resolves with the exit code; explains refusals on stderr. */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = buildProgram((ended) => (code = ended));
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) =>
        write(
          `${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')} See: banana-batch --help\n`,
        ),
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.refused;
    const { refusalOf } = await import('./commands/refusal.js');
    process.stderr.write(`${refusalOf(error) ?? unexpected(error)}\n`);
    return EXIT.refused;
  }
}

function unexpected(error: unknown): string {
  if (process.env['BANANA_DEBUG'] && error instanceof Error) return error.stack ?? error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `Something unforeseen happened: ${message.split('\n')[0]}. Set BANANA_DEBUG=1 to see where, and please report it.`;
}

const invoked = process.argv[1];
if (invoked && realpathSync(invoked) === fileURLToPath(import.meta.url)) {
  // Whoever reads has seen enough, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
  process.exitCode = await main(process.argv.slice(2));
}
