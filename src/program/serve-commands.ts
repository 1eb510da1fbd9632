import type { Command as Program } from 'commander';
import type { ExitCode } from '../commands/command-context.js';
import { byteSize, listenAddress, namesOf, wholeNumber } from '../commands/option-parsers.js';
import { jobTime, misbehaviourRate, rate, sandboxHelp } from '../commands/sandbox-option-parsers.js';
import type { SandboxCommandOptions } from '../commands/sandbox.js';
import type { WebhooksCommandOptions } from '../commands/webhooks.js';
import type { WorkerCommandOptions } from '../commands/worker.js';
import { WORKER_ROLES } from '../worker-roles.js';
import { example, type Performer } from './perform.js';

const DEFAULT_WEBHOOK_LISTEN = { host: '127.0.0.1', port: 8787 } as const;

const WEBHOOKS_HELP = `
Needs Temporal, the API key, and on receivers and workers alike:
  BANANA_WEBHOOK_URL      where the service reaches this receiver: https, up to the folder
  BANANA_WEBHOOK_SECRET   made with: openssl rand -hex 32
`;

interface ImageMemory {
  readonly imageMemory: number;
}

/** The long-running parts. */
export function addServeCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { perform }: Performer,
): void {
  program.commandsGroup('Serve:');
  program
    .command('dev')
    .description('local Temporal (with web UI), S3, sandbox and a worker, until Ctrl-C')
    .option('--json', 'one JSON document on standard output when ready', false)
    .addHelpText('after', example('banana-batch dev'))
    .action(async (flags: { json: boolean }) =>
      end(await perform(async () => (await import('../commands/dev.js')).dev, flags)),
    );
  program
    .command('worker')
    .description('work for batches until Ctrl-C; run as many as you like')
    .option('--roles <list>', 'which work to take, to split a fleet', namesOf(WORKER_ROLES), WORKER_ROLES)
    .option('--image-memory <size>', 'memory for images on their way', byteSize, 256 * 1024 * 1024)
    .option('--webhooks <[host:]port>', 'receive webhooks here as well, as "webhooks" does', listenAddress)
    .addHelpText('after', example('banana-batch worker --image-memory 512MB'))
    .action(async ({ imageMemory, ...flags }: Omit<WorkerCommandOptions, 'imageBytes'> & ImageMemory) =>
      end(
        await perform(async () => (await import('../commands/worker.js')).worker, {
          ...flags,
          imageBytes: imageMemory,
        }),
      ),
    );
  program
    .command('webhooks')
    .description('receive what the service tells of jobs, until Ctrl-C: fewer polls, and images sooner')
    .option('--host <address>', 'where to listen', DEFAULT_WEBHOOK_LISTEN.host)
    .option(
      '--port <port>',
      'where to listen; 0 for a free one',
      wholeNumber(0, 65_535),
      DEFAULT_WEBHOOK_LISTEN.port,
    )
    .option('--json', 'one JSON document on standard output when ready', false)
    .addHelpText('after', WEBHOOKS_HELP)
    .addHelpText(
      'after',
      example('banana-batch webhooks --port 8787', 'behind a proxy with TLS: docs/webhooks.md'),
    )
    .action(async (flags: WebhooksCommandOptions) =>
      end(await perform(async () => (await import('../commands/webhooks.js')).webhooks, flags)),
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
      end(await perform(async () => (await import('../commands/sandbox.js')).sandbox, flags)),
    );
}
