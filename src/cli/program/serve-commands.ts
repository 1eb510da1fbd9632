import type { Command as Program } from '@commander-js/extra-typings';
import type { ExitCode } from '../terminal/command-context.js';
import {
  byteSize,
  listenAddress,
  namesOf,
  wholeNumber,
  jobTime,
  misbehaviourRate,
  rate,
  sandboxHelp,
} from '../terminal/option-parsers.js';
import { WORKER_ROLES } from '../../activities/worker/process/roles.js';
import { example, type Performer } from './perform.js';

const DEFAULT_WEBHOOK_LISTEN = { host: '127.0.0.1', port: 8787 } as const;

const WEBHOOKS_HELP = `
Needs Temporal, the API key, and these variables, with the same values on receivers and workers:
  BANANA_WEBHOOK_URL      https URL at which the service reaches this receiver, such as https://hooks.example.com/banana
  BANANA_WEBHOOK_SECRET   a secret, made with: openssl rand -hex 32
`;

/** The long-running parts. */
export function addServeCommands(
  program: Program,
  end: (code: ExitCode) => void,
  { perform }: Performer,
): void {
  program.commandsGroup('Serve:');
  program
    .command('dev')
    .description('run local Temporal (with web UI), S3, sandbox and a worker until Ctrl-C')
    .option('--json', 'print one JSON document on standard output when ready', false)
    .addHelpText('after', example('banana-batch dev'))
    .action(async (flags) => end(await perform(async () => (await import('../serve/dev.js')).dev, flags)));
  program
    .command('worker')
    .description('process batches until Ctrl-C; run as many workers as you like')
    .option('--roles <list>', 'kinds of work that this worker takes', namesOf(WORKER_ROLES), WORKER_ROLES)
    .option(
      '--image-memory <size>',
      'memory for images being copied and decoded',
      byteSize,
      256 * 1024 * 1024,
    )
    .option('--webhooks <[host:]port>', 'also receive webhooks, as "webhooks" does', listenAddress)
    .addHelpText('after', example('banana-batch worker --image-memory 512MB'))
    .action(async ({ imageMemory, ...flags }) =>
      end(
        await perform(async () => (await import('../serve/worker.js')).worker, {
          ...flags,
          imageBytes: imageMemory,
        }),
      ),
    );
  program
    .command('webhooks')
    .description('receive job notifications from the service until Ctrl-C: fewer polls, and images sooner')
    .option('--host <address>', 'address to listen on', DEFAULT_WEBHOOK_LISTEN.host)
    .option(
      '--port <port>',
      'port to listen on; 0 for a free one',
      wholeNumber(0, 65_535),
      DEFAULT_WEBHOOK_LISTEN.port,
    )
    .option('--json', 'print one JSON document on standard output when ready', false)
    .addHelpText('after', WEBHOOKS_HELP)
    .addHelpText(
      'after',
      example('banana-batch webhooks --port 8787', 'behind a proxy with TLS: docs/webhooks.md'),
    )
    .action(async (flags) =>
      end(await perform(async () => (await import('../serve/webhooks.js')).webhooks, flags)),
    );
  program
    .command('sandbox')
    .description('run a stand-in for the API until Ctrl-C: drawings instead of images, free of charge')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port of the API; 0 for a free one', wholeNumber(0, 65_535), 7071)
    .option('--images-port <port>', 'port of the image host; 0 for a free one', wholeNumber(0, 65_535), 7072)
    .option(
      '--images-origin <url>',
      'origin in image URLs, if clients reach the image host at another address',
    )
    .option('--key <key>', 'API key to accept', 'sandbox-key')
    .option('--seed <text>', 'seed of job times, failures and misbehaviour')
    .option('--job-time <time>', 'how long jobs take: 2s, or 2s..6s (the default)', jobTime)
    .option('--everything <rate>', 'rate of every kind of misbehaviour, 0 to 1', rate)
    .option(
      '--rate <name=rate>',
      'rate of one kind of misbehaviour (see below); repeatable',
      misbehaviourRate,
    )
    .option('--balance <amount>', 'balance of the account')
    .option('--image-bytes <size>', 'pad images to this size', byteSize)
    .option('--state-file <file>', 'keep jobs and balance in this file between starts')
    .option('--json', 'print one JSON document on standard output when ready', false)
    .addHelpText('after', () => sandboxHelp())
    .addHelpText('after', example('banana-batch sandbox --job-time 1s..3s --rate image-cut=0.05'))
    .action(async (flags) =>
      end(await perform(async () => (await import('../serve/sandbox.js')).sandbox, flags)),
    );
}
