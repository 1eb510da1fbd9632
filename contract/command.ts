import { askConsent } from '../src/cli/terminal/consent.js';
import type { CommandOptions } from './options.js';
import { listText, planText } from './plan-text.js';
import { resultText } from './result-text.js';
import { secretKeeper } from './secrecy.js';
import { runSuite, Unreachable, type SuiteRun } from './suite.js';

/** What the command reads and writes. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** 0 all rules hold, 1 a rule does not hold, 2 the service does not answer, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

/**
 * Shows the plan, asks for consent, runs the suite and shows the result. Prints neither the key nor the query of a URL.
 */
export async function performContract(
  options: CommandOptions,
  { stdin, stdout, stderr }: Streams,
  interrupted: AbortSignal,
): Promise<ExitCode> {
  const safe = secretKeeper(options.key);
  const write = (stream: NodeJS.WritableStream, text: string) => void stream.write(`${safe(text)}\n`);
  if (options.list) {
    write(stdout, listText());
    return 0;
  }
  const news = options.json ? stderr : stdout;
  write(news, planText(options));
  if (!options.yes && !options.onlyFree && stdin.isTTY === true) {
    const consent = await askConsent({ stdin, stderr, interrupted }, 'Continue?');
    if (consent !== 'given') return consent === 'interrupted' ? 130 : 2;
  }
  try {
    const run = await runSuite(options, interrupted, (line) => write(stderr, line));
    write(stdout, options.json ? documentText(options, run, safe) : resultText(run));
    return exitCodeOf(run);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    write(stderr, error.message);
    return 2;
  }
}

/** Secrets are removed from every text separately: within the whole document a secret might not be recognized. */
function documentText(
  { baseUrl, maxImages }: CommandOptions,
  { results, jobs, interrupted }: SuiteRun,
  safe: (text: string) => string,
): string {
  const shownJobs = jobs.map(({ jobId = null, purpose, intended }) => ({ jobId, purpose, intended }));
  return JSON.stringify(
    { baseUrl, maxImages, interrupted, results, jobs: shownJobs },
    (_name, value: unknown) => (typeof value === 'string' ? safe(value) : value),
    2,
  );
}

function exitCodeOf({ results, jobs, interrupted, unanswered }: SuiteRun): ExitCode {
  if (interrupted) return 130;
  if (jobs.some(({ intended }) => !intended)) return 1;
  if (results.some(({ verdict }) => verdict.kind === 'fail')) return 1;
  return unanswered ? 2 : 0;
}
