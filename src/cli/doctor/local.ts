import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configProblems, type Config } from '../../config.js';
import { EmbeddedError } from '../../local/servers/embedded-error.js';
import { findServerProgram, type ServerProgram } from '../../local/servers/find-binary.js';
import { UsageError } from '../../errors.js';
import { loadWorker } from '../../load-worker.js';
import { stackFolder } from '../../local/servers/stack-info.js';
import { ok, problem, warning, type CheckResult, type Finding } from './check.js';

const LEAST_NODE = [20, 19] as const;

/** Whether the program runs on a version of Node such as `20.19.1`. */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? ok(`Node ${version}.`)
    : problem(`Node ${version} is too old.`, `Install Node ${LEAST_NODE.join('.')} or later.`);
}

/** Whether the worker's code, which is partly native, can be loaded on this machine. */
export async function workerFinding(): Promise<Finding> {
  try {
    await loadWorker();
    return ok('The worker can be loaded on this machine.');
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return problem(error.message);
  }
}

/** Which parts are configured, and where, and what is wrong with invalid ones; parts that do not work are reported by their own checks. */
export function configurationResults(config: Config): readonly CheckResult[] {
  const name = 'configuration';
  const parts = [
    `Temporal ${originText(config, 'temporal')}`,
    `bucket ${originText(config, 'bucket')}`,
    `API key ${originText(config, 'api')}`,
    `task queue "${config.taskQueue}"`,
  ];
  return [
    { name, ...ok(`${parts.join(', ')}.`) },
    ...configProblems(config).map((text) => ({ name, ...problem(text) })),
  ];
}

function originText(config: Config, part: 'temporal' | 'bucket' | 'api'): string {
  if (config.problems.has(part)) return 'configured wrongly';
  switch (config[part]?.origin) {
    case 'environment':
      return 'from the environment';
    case 'stack':
      return "from this folder's local servers";
    case undefined:
      return 'not configured';
  }
}

/** Where local commands keep each part's data between runs, below `.banana-batch/`. */
const LOCAL_DATA = { temporal: 'temporal', bucket: 's3', api: 'sandbox' } as const;

/** A part that is not configured and that "run" has started in this folder before; undefined for every other one. */
export function restingPart(
  {
    config,
    cwd,
  }: { readonly config: Partial<Pick<Config, 'temporal' | 'bucket' | 'api'>>; readonly cwd: string },
  part: keyof typeof LOCAL_DATA,
): readonly CheckResult[] | undefined {
  if (config[part] || !existsSync(join(stackFolder(cwd), LOCAL_DATA[part]))) return undefined;
  const what = { temporal: 'Temporal', bucket: 'bucket', api: 'sandbox' }[part];
  const message = `The local ${what} of this folder is not running; "run", "retry" and "dev" start it.`;
  return [{ name: part, ...ok(message) }];
}

/** Whether the programs of the local servers are found; only `run` and `dev` need them. */
export function checkPrograms(
  environment: Readonly<Record<string, string | undefined>>,
): readonly CheckResult[] {
  return [programCheck('temporal', environment), programCheck('versitygw', environment)];
}

function programCheck(
  program: ServerProgram,
  environment: Readonly<Record<string, string | undefined>>,
): CheckResult {
  const name = `program ${program}`;
  try {
    return { name, ...ok(`Found at ${findServerProgram(program, environment)}.`) };
  } catch (error) {
    if (!(error instanceof EmbeddedError)) throw error;
    const advice = error.message.includes('\n') ? PROGRAM_ADVICE : error.message;
    return { name, ...warning('Not found; only "run" and "dev" with local servers need it.', advice) };
  }
}

const PROGRAM_ADVICE =
  'Build it once with "npm run setup" in the checkout, put it on PATH, or set TEMPORAL_CLI_PATH or VERSITYGW_PATH to its path.';
