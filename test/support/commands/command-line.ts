import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '../eventually.js';
import { noteWarnings } from '../setup/noted-warnings.js';

const CLI = path.resolve(import.meta.dirname, '../../../dist/cli.js');
const QUICK_LIMITS = pathToFileURL(path.resolve(import.meta.dirname, 'quick-limits-preload.mjs')).href;

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Variables = Readonly<Record<string, string>>;

/** Runs the built command to its end, in an environment of only PATH, HOME and `variables`. */
export async function runCommand(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly variables?: Variables;
    readonly input?: string | Buffer;
    readonly uid?: number;
    /** It is killed after that time, and its code is null; default: never. */
    readonly withinMs?: number;
    /** Default: the built command. */
    readonly program?: string;
  },
): Promise<CommandResult> {
  const { cwd, variables = {}, uid, withinMs, program } = options;
  const limits: SpawnOptions = {
    ...(uid !== undefined && { uid }),
    ...(withinMs !== undefined && { timeout: withinMs, killSignal: 'SIGKILL' }),
  };
  const child = start(args, cwd, variables, limits, program);
  const output = collect(child);
  child.stdin?.end(options.input ?? '');
  const [code] = await once(child, 'close');
  return { code, ...output() };
}

/** A command that runs until it is ended, such as `worker` or `dev`. */
export interface RunningCommand {
  readonly pid: number;
  /** What it has written so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Resolves with the exit code when it has ended, for whatever reason; null if a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Sends a signal and waits for the end; returns the exit code, null if a signal ended it. */
  end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

/**
 * Starts a command and waits until it has written `ready`. `program` is the built command unless another is named.
 * @throws where it ends before that, is not ready within 90 s, or `signal` is aborted; then nothing is left running.
 */
export async function startCommand(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly variables?: Variables;
    readonly ready: string;
    readonly program?: string;
    readonly signal?: AbortSignal;
  },
): Promise<RunningCommand> {
  const { cwd, variables = {}, ready, program, signal } = options;
  const child = start(args, cwd, variables, {}, program);
  const output = collect(child);
  const ended = once(child, 'close').then(([code]): number | null => code);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    await eventually(() => hasEnded() || output().stdout.includes(ready) || output().stderr.includes(ready), {
      what: `"${args.join(' ')}" says "${ready}"`,
      withinMs: 90_000,
    });
    if (hasEnded()) throw new Error(`${args.join(' ')} ended with ${await ended}: ${output().stderr}`);
  } catch (error) {
    kill();
    await ended;
    throw error;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
  if (child.pid === undefined) throw new Error(`${args.join(' ')} could not be started.`);
  return {
    pid: child.pid,
    output,
    ended,
    end: async (signal) => {
      if (!hasEnded()) child.kill(signal);
      return ended;
    },
  };
}

function start(
  args: readonly string[],
  cwd: string,
  variables: Variables,
  limits: Pick<SpawnOptions, 'uid' | 'timeout' | 'killSignal'> = {},
  program = CLI,
): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const added =
    program === CLI
      ? { NODE_OPTIONS: `--import=${QUICK_LIMITS}` }
      : // The built command itself suppresses the SDK's warnings about Node versions.
        { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };
  return spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH, HOME, ...added, ...variables },
    stdio: 'pipe',
    ...limits,
  });
}

function collect(child: ChildProcess): () => { readonly stdout: string; readonly stderr: string } {
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout?.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  child.once('close', () => noteWarnings(Buffer.concat(chunks.stderr).toString()));
  return () => ({
    stdout: Buffer.concat(chunks.stdout).toString(),
    stderr: Buffer.concat(chunks.stderr).toString(),
  });
}
