import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedError } from './embedded-error.js';

/** How a server ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A server started by us. It never outlives this process by more than about a second, however this process ends. */
export interface ChildServer {
  readonly pid: number;
  /** Resolves when the server has ended for any reason; never rejects. */
  readonly exited: Promise<ServerExit>;
  /** Ends it gracefully, by force after `stopTimeoutMs`; resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
  /** Kills it by SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface ChildServerOptions {
  /** Its name in messages. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Set in addition to PATH, HOME and TMPDIR; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives stdout and stderr; the previous start's log is kept beside it as `….previous`. */
  readonly logFile: string;
  /** Called every 50 ms until it returns true; a rejection counts as "not yet". */
  readonly isReady: (signal: AbortSignal) => Promise<boolean>;
  /** Default 30 s. */
  readonly readyTimeoutMs?: number;
  /** From SIGTERM to SIGKILL; default 5 s. */
  readonly stopTimeoutMs?: number;
}

/*
 * The shell becomes the server, so that the pid, the exit and the signals are the server's own. Beside it stays a
 * watcher that holds our end of stdin: when this process ends, even by SIGKILL, the watcher reads its end and ends
 * the server. The watcher is in the server's process group, which keeps the pid from being reused.
 */
const TETHER = `
exec 3<&0 0</dev/null
(
  read -r line <&3
  kill -TERM $$
  tries=0
  while kill -0 $$ && [ $tries -lt 8 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL $$
) >/dev/null 2>&1 &
exec "$@" 3<&-
`;

/**
 * Starts a server and resolves when it is ready.
 * @throws EmbeddedError `server-failed` with the last lines of its log; then nothing is left running.
 */
export async function startChildServer(options: ChildServerOptions): Promise<ChildServer> {
  const { name, logFile, readyTimeoutMs = 30_000, stopTimeoutMs = 5_000 } = options;
  const child = spawnTethered(options);
  const exited = exitOf(child);
  const { pid } = child;
  if (pid === undefined) {
    throw new EmbeddedError('server-failed', `${name} could not be started: /bin/sh did not run.`);
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const stopGracefully = async (): Promise<void> => {
    child.kill('SIGTERM');
    if (!(await settlesWithin(exited, stopTimeoutMs))) await kill();
  };
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopGracefully());

  const outcome = await waitUntilReady(options.isReady, exited, readyTimeoutMs);
  if (outcome === 'ready') return { pid, exited, stop, kill };
  await kill();
  const exit = await exited;
  const what =
    outcome === 'late'
      ? `was not ready after ${String(readyTimeoutMs / 1000)} s and has been stopped`
      : `ended while starting (${exit.signal ?? `exit code ${String(exit.code)}`})`;
  const why = (await fullDiskText(logFile)) ?? describeLog(logFile);
  throw new EmbeddedError('server-failed', `${name} ${what}. ${why}`);
}

/** The last lines of a server's log and the log's place; never throws. */
export function describeLog(logFile: string): string {
  const lines = readLog(logFile).trimEnd().split('\n').slice(-15);
  if (lines.join('') === '') return `Its log ${logFile} is empty.`;
  return `Its log ${logFile} ends with:\n${lines.map((line) => `  ${line.slice(0, 500)}`).join('\n')}`;
}

/** Minimum of free disk space for a server to work. */
const LEAST_FREE_BYTES = 1024 * 1024;

/** What to do if a server's disk is full, which servers themselves do not always report; undefined if there is room. */
export async function fullDiskText(logFile: string): Promise<string | undefined> {
  const folder = dirname(logFile);
  const found = await statfs(folder).catch(() => undefined);
  if (!found || found.bavail * found.bsize >= LEAST_FREE_BYTES) return undefined;
  return `The disk of ${folder} is full. Make room, then run the same command again: it continues.`;
}

/** A server's log; empty if it is unreadable. Never throws. */
export function readLog(logFile: string): string {
  try {
    return readFileSync(logFile, 'utf8');
  } catch {
    // The log was removed while the server ran: there is nothing to show, and the message is that the server has ended.
    return '';
  }
}

function spawnTethered({ program, args, env, logFile }: ChildServerOptions): ChildProcess {
  keepPrevious(logFile);
  const log = openSync(logFile, 'w', 0o600);
  try {
    const child = spawn('/bin/sh', ['-c', TETHER, 'sh', program, ...args], {
      // Its own session: a terminal's Ctrl-C is for us, and we stop the servers after the work.
      detached: true,
      stdio: ['pipe', log, log],
      env: { ...inherited(['PATH', 'HOME', 'TMPDIR']), ...env },
    });
    child.stdin?.on('error', () => undefined);
    return child;
  } finally {
    closeSync(log);
  }
}

function keepPrevious(logFile: string): void {
  try {
    renameSync(logFile, `${logFile}.previous`);
  } catch {
    // The first start has no log to keep.
  }
}

function inherited(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function exitOf(child: ChildProcess): Promise<ServerExit> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => {
      // Lets the watcher end.
      child.stdin?.destroy();
      resolve({ code, signal });
    });
  });
}

async function waitUntilReady(
  isReady: ChildServerOptions['isReady'],
  exited: Promise<ServerExit>,
  timeoutMs: number,
): Promise<'ready' | 'exited' | 'late'> {
  const decided = new AbortController();
  const { signal } = decided;
  const poll = async (): Promise<'ready'> => {
    while (!(await isReady(signal).catch(() => false))) await delay(50, undefined, { signal });
    return 'ready';
  };
  try {
    return await Promise.race([
      exited.then(() => 'exited' as const),
      poll(),
      delay(timeoutMs, 'late' as const, { signal }),
    ]);
  } finally {
    decided.abort();
  }
}

async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const decided = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => true),
      delay(timeoutMs, false, { signal: decided.signal }),
    ]);
  } finally {
    decided.abort();
  }
}
