import { counted } from '../../domain/text/full-stop.js';
import { ZodError } from 'zod';
import { UsageError } from '../../errors.js';
import {
  startSandbox,
  type MisbehaviourName,
  type RunningSandbox,
  type SandboxStats,
} from '../../local/sandbox/index.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { aborted } from './dev.js';
import { renderFacts } from '../terminal/table.js';

export interface SandboxCommandOptions {
  readonly host: string;
  /** Of the API and of the image host; 0 for any free one. */
  readonly port: number;
  readonly imagesPort: number;
  /** Origin of the image URLs, if clients reach the image host under another one. */
  readonly imagesOrigin?: string;
  readonly key: string;
  readonly seed?: string;
  readonly jobTime?: { readonly min: number; readonly max: number };
  /** Rate of every misbehaviour; `rate` takes precedence. */
  readonly everything?: number;
  readonly rate?: Readonly<Partial<Record<MisbehaviourName, number>>>;
  readonly balance?: string;
  readonly imageBytes?: number;
  readonly stateFile?: string;
  readonly json: boolean;
}

/** Runs the sandbox API in the foreground until Ctrl-C, then prints its counts. Images cost nothing. */
export const sandbox: Command<SandboxCommandOptions> = async (context, options) => {
  const { stdout, stderr, interrupted } = context;
  const running = await start(options);
  try {
    if (options.json) {
      const { apiUrl, imagesUrl, controlUrl } = running;
      stdout.write(`${JSON.stringify({ baseUrl: apiUrl, apiKey: options.key, imagesUrl, controlUrl })}\n`);
    } else {
      stdout.write(placesText(running, options.key));
    }
    stderr.write('Ctrl-C stops it.\n');
    await aborted(interrupted);
    stderr.write(`\n${statsText(running.stats())}`);
    return EXIT.ok;
  } finally {
    await running.close();
  }
};

async function start(options: SandboxCommandOptions): Promise<RunningSandbox> {
  const {
    host,
    port,
    imagesPort,
    imagesOrigin,
    key,
    seed,
    jobTime,
    everything,
    rate,
    balance,
    imageBytes,
    stateFile,
  } = options;
  try {
    return await startSandbox({
      host,
      port,
      imagesPort,
      keys: [{ key }],
      ...(imagesOrigin !== undefined && { imagesOrigin }),
      ...(seed !== undefined && { seed }),
      ...(jobTime && { jobTimeMs: jobTime }),
      ...(everything !== undefined && { everything }),
      ...(rate && { rates: rate }),
      ...(balance !== undefined && { balance }),
      ...(imageBytes !== undefined && { imageBytes }),
      ...(stateFile !== undefined && { stateFile }),
    });
  } catch (cause) {
    throw new UsageError(`The sandbox cannot start: ${reasonOf(cause)}.`, { cause });
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ZodError) {
    return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}

function placesText({ apiUrl, imagesUrl, controlUrl }: RunningSandbox, key: string): string {
  const places = renderFacts([
    ['API', apiUrl],
    ['key', key],
    ['images', imagesUrl],
    ['control', controlUrl],
  ]);
  return `${places}\nexport BANANAHUB_BASE_URL=${shellWord(apiUrl)}\nexport BANANAHUB_API_KEY=${shellWord(key)}\n\n`;
}

/** A text quoted for a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function statsText(stats: SandboxStats): string {
  return renderFacts([
    ['jobs created', String(stats.jobsMade)],
    ['jobs done', String(stats.jobsDone)],
    ['jobs failed', counts(stats.jobsFailed)],
    ['jobs lost', String(stats.jobsLost)],
    ['charged', `${stats.charged} for ${stats.jobsCharged} jobs`],
    ['creates', counts(stats.creates)],
    ['polls', counts(stats.polls)],
    ['images', counts(stats.imageRequests)],
    ['peak in flight', String(stats.mostInFlight)],
    ['misbehaviours', counts(stats.misbehaviours)],
    ['client errors', faultsOf(stats)],
  ]);
}

/** Faults that a correct client never causes. */
function faultsOf({ replayMismatches, retriedTooEarly }: SandboxStats): string {
  if (replayMismatches + retriedTooEarly === 0) return 'none seen';
  return `${counted(replayMismatches, 'key')} replayed with another body, ${counted(retriedTooEarly, 'request')} before their Retry-After`;
}

function counts(of: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(of)
    .map(([name, count]) => `${name} × ${count}`)
    .join(', ');
}
