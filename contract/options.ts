import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** The options of a run. */
export interface SuiteOptions {
  readonly baseUrl: string;
  readonly key: string;
  /** Maximum number of accepted creates, including unintended ones. */
  readonly maxImages: number;
  readonly onlyFree: boolean;
  /** Reachable by the service. */
  readonly inputImage: string | undefined;
  /** Expected to make a job fail. */
  readonly failingPrompt: string | undefined;
  /** `url` leads from the service to `port` on this machine. */
  readonly webhook: { readonly url: string; readonly port: number } | undefined;
  readonly pollMs: number;
  readonly jobTimeoutMs: number;
}

/** The options of the command. */
export interface CommandOptions extends SuiteOptions {
  readonly json: boolean;
  readonly yes: boolean;
  readonly list: boolean;
}

export type ParsedArguments =
  | { readonly kind: 'options'; readonly options: CommandOptions }
  /** Nothing to run: a help text on stdout, or what is wrong with the arguments on stderr. */
  | { readonly kind: 'text'; readonly code: 0 | 2; readonly text: string };

interface Flags {
  readonly baseUrl: string;
  readonly key: string;
  readonly maxImages: number;
  readonly only?: 'free';
  readonly inputImage?: string;
  readonly failingPrompt?: string;
  readonly webhookUrl?: string;
  readonly webhookPort?: number;
  readonly pollMs: number;
  readonly jobTimeout: number;
  readonly json: boolean;
  readonly yes: boolean;
  readonly list: boolean;
}

const DEFAULT_BASE_URL = 'https://bananahub.io/api/v1';
const EXAMPLE = `
Examples:
  export BANANAHUB_API_KEY=…
  npm run contract -- --only free
  npm run contract -- --max-images 3
  npm run contract -- --max-images 6 --input-image https://example.com/cat.png --webhook-url https://hooks.example.com --webhook-port 8080

Exit codes: 0 all rules hold · 1 a rule does not hold, or a job was created that should not have been · 2 wrong arguments, or the service does not answer · 130 interrupted.`;

/** Reads arguments; the key also from BANANAHUB_API_KEY, the address from BANANAHUB_BASE_URL. */
export function parseArguments(args: readonly string[]): ParsedArguments {
  const texts: string[] = [];
  const write = (text: string) => void texts.push(text);
  const program = commandOf().exitOverride().configureOutput({ writeOut: write, writeErr: write });
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'text', code: error.exitCode === 0 ? 0 : 2, text: texts.join('').trimEnd() };
  }
  const flags = program.opts<Flags>();
  const problem = problemOf(flags);
  if (problem !== undefined) return { kind: 'text', code: 2, text: problem };
  const { webhookUrl: url, webhookPort: port } = flags;
  return {
    kind: 'options',
    options: {
      baseUrl: flags.baseUrl,
      key: flags.key,
      maxImages: flags.maxImages,
      onlyFree: flags.only === 'free',
      inputImage: flags.inputImage,
      failingPrompt: flags.failingPrompt,
      webhook: url !== undefined && port !== undefined ? { url, port } : undefined,
      pollMs: flags.pollMs,
      jobTimeoutMs: flags.jobTimeout * 1000,
      json: flags.json,
      yes: flags.yes,
      list: flags.list,
    },
  };
}

function problemOf({ list, key, webhookUrl, webhookPort, only }: Flags): string | undefined {
  if (list) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key)) {
    return 'An API key is needed (visible ASCII characters): set BANANAHUB_API_KEY, or use --key.';
  }
  if ((webhookUrl === undefined) !== (webhookPort === undefined)) {
    return '--webhook-url and --webhook-port must be used together: the service must reach that port of this machine at the URL.';
  }
  if (webhookUrl !== undefined && only === 'free')
    return 'A webhook check needs an image: it cannot be used with --only free.';
  return undefined;
}

function commandOf(): Command {
  return new Command('npm run contract --')
    .description('checks whether a server keeps the BananaHub contract, at the cost of a few images')
    .addOption(
      new Option('--base-url <url>', 'the API')
        .env('BANANAHUB_BASE_URL')
        .default(DEFAULT_BASE_URL)
        .argParser(httpUrl),
    )
    .addOption(
      new Option(
        '--key <key>',
        'API key; better use BANANAHUB_API_KEY, because npm prints the arguments of scripts',
      )
        .env('BANANAHUB_API_KEY')
        .default('', 'none'),
    )
    .option(
      '--max-images <n>',
      'maximum number of creates that may be accepted, including unexpected ones',
      whole(0, 50),
      3,
    )
    .addOption(new Option('--only <what>', 'run only the checks that cost nothing').choices(['free']))
    .option(
      '--input-image <url>',
      'URL of an image that the service can fetch, for the image-to-image checks',
      httpUrl,
    )
    .option('--failing-prompt <text>', 'prompt whose job should fail, to check whether that is charged')
    .option('--webhook-url <url>', 'URL at which the service reaches --webhook-port of this machine', httpUrl)
    .option('--webhook-port <port>', 'port to receive webhooks on', whole(1, 65_535))
    .option('--poll-ms <ms>', 'milliseconds between two polls of a job', whole(10, 60_000), 2000)
    .option('--job-timeout <seconds>', 'maximum time to wait for a job, in seconds', whole(1, 7200), 900)
    .option('--list', 'list all checks with their sections and costs, and send nothing', false)
    .option('--json', 'print one JSON document on standard output', false)
    .option('-y, --yes', 'do not ask for confirmation', false)
    .addHelpText('after', EXAMPLE)
    .allowExcessArguments(false);
}

function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usable = url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === '';
  if (!usable) throw new InvalidArgumentError('Expected an http(s) URL without user and password.');
  return text;
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}
