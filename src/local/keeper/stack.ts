import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isProcessAlive } from '../servers/process-alive.js';
import { EmbeddedError } from '../servers/embedded-error.js';
import { requireServerPrograms } from '../servers/find-binary.js';
import {
  errorOf,
  newsSchema,
  onLines,
  PART_NAMES,
  sendLine,
  startReportSchema,
  type KeeperNews,
  type KeeperRequest,
} from './keeper-protocol.js';
import { prepareFolder } from '../servers/stack-data.js';
import { readLiveStack, stackFolder, type StackInfo } from '../servers/stack-info.js';
import { PART_KINDS } from '../servers/stack-parts.js';

/** Which parts are needed. Their data are in `.banana-batch/` of `cwd` and are reused at the next start. */
export interface StackOptions {
  readonly cwd: string;
  readonly temporal?: boolean;
  readonly s3?: boolean;
  readonly sandbox?: boolean;
  /** Whether this process can run the worker of this folder; see `turn`. */
  readonly worker?: boolean;
  /** Refused, as `stack-running`, while another process uses the folder under this name. */
  readonly single?: string;
}

/** Servers that run at least until `stop`, or until this process ends in any way: other users keep them longer. */
export interface RunningStack {
  /** The same as `findStack` returns to other processes. */
  readonly info: StackInfo;
  /** Of the servers, in the order temporal, s3; the sandbox runs in the keeper's process. */
  readonly serverPids: readonly number[];
  /** Resolves when this process is to run the folder's worker: it is the first of those that can. */
  readonly turn: Promise<void>;
  /** Whether `turn` has resolved. */
  isOurTurn(): boolean;
  /** Whether another process would run the worker if this one left. */
  hasOthers(): boolean;
  /** Resolves when a server ended unexpectedly; never rejects. */
  readonly serverLost: Promise<Error>;
  /** Leaves; the last user's call ends all parts within 10 s and releases the folder. Idempotent. */
  stop(): Promise<void>;
}

/** Maximum time from the first check until servers answer; one keeper may have to end before the next one starts. */
const JOIN_MS = 120_000;
const RETRY_MS = 100;
const STOP_MS = 15_000;

// Three levels up, from both src/ and dist/.
const KEEPER = fileURLToPath(new URL('../../../dist/local/keeper/keeper-main.js', import.meta.url));

/**
 * Uses the servers of a folder, and starts those that are not running, in a separate process that ends with its last
 * user.
 * @throws EmbeddedError `server-missing` (before anything is started), `stack-running`, `server-failed` or
 * `stack-data-broken`.
 */
export async function startStack({
  cwd,
  worker = false,
  single,
  ...wanted
}: StackOptions): Promise<RunningStack> {
  const parts = PART_NAMES.filter((name) => wanted[name] === true);
  requireServerPrograms(parts.flatMap((name) => PART_KINDS[name].programs));
  await prepareFolder(stackFolder(cwd));
  const request = { pid: process.pid, parts, worker, ...(single !== undefined && { single }) };
  const untilMs = Date.now() + JOIN_MS;
  while (Date.now() < untilMs) {
    const found = await readLiveStack(cwd);
    const joined = found && (await joinStack(found, request));
    if (joined) return joined;
    // A keeper that was found is starting or ending.
    if (found) await sleep(RETRY_MS);
    else await startKeeper(cwd);
  }
  const pid = String((await readLiveStack(cwd))?.pid);
  throw new EmbeddedError(
    'stack-running',
    `The servers of ${stackFolder(cwd)} do not answer; they belong to the process with pid ${pid}. Stop that process, then run the same command again.`,
  );
}

/** Keeps a running stack for as long as this process needs it; undefined if it is just ending. */
export function holdStack(found: StackInfo): Promise<RunningStack | undefined> {
  return joinStack(found, { pid: process.pid, parts: [], worker: false });
}

async function joinStack(
  found: StackInfo,
  request: Omit<KeeperRequest, 'token'>,
): Promise<RunningStack | undefined> {
  if (!found.keeper) return undefined;
  const { port, token } = found.keeper;
  const socket = connect({ host: '127.0.0.1', port });
  const use = new StackUse(socket, found.pid);
  sendLine(socket, { token, ...request });
  const first = await Promise.race([use.answer, sleep(JOIN_MS, undefined, { ref: false })]);
  if (first?.kind === 'ready') return use.running(first);
  if (first?.kind === 'failed') {
    await use.stop();
    throw errorOf(first.fault);
  }
  socket.destroy();
  return undefined;
}

/** One use of a stack, as long as its connection to the keeper is open. */
class StackUse {
  /** `ready` or `failed`; undefined if the keeper has closed without one. */
  readonly answer: Promise<KeeperNews | undefined>;
  readonly #socket: Socket;
  readonly #pid: number;
  readonly #closed: Promise<void>;
  readonly #lost: Promise<Error>;
  readonly #turn: Promise<void>;
  #lose: (error: Error) => void = () => undefined;
  #takeTurn: () => void = () => undefined;
  #isOurTurn = false;
  #hasOthers = false;
  #hasEnded = false;
  #stopping: Promise<void> | undefined;

  constructor(socket: Socket, pid: number) {
    this.#socket = socket;
    this.#pid = pid;
    this.#lost = new Promise((resolve) => (this.#lose = resolve));
    this.#turn = new Promise((resolve) => (this.#takeTurn = resolve));
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    this.answer = new Promise((resolve) => {
      onLines(socket, newsSchema, (news) => {
        this.#handle(news);
        if (news.kind === 'ready' || news.kind === 'failed') resolve(news);
      });
      socket.once('close', () => resolve(undefined));
    });
    void this.#noticeEnd();
  }

  running({ info, serverPids }: Extract<KeeperNews, { kind: 'ready' }>): RunningStack {
    return {
      info,
      serverPids,
      turn: this.#turn,
      isOurTurn: () => this.#isOurTurn,
      hasOthers: () => this.#hasOthers,
      serverLost: this.#lost,
      stop: () => this.stop(),
    };
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#leave());
  }

  async #noticeEnd(): Promise<void> {
    await this.#closed;
    if (this.#stopping) return;
    this.#lose(
      new EmbeddedError(
        'server-failed',
        `The process with pid ${this.#pid}, which runs the servers of this folder, has stopped. Run the same command again: it continues.`,
      ),
    );
  }

  #handle(news: KeeperNews): void {
    if (news.kind === 'lost' && !this.#stopping) this.#lose(errorOf(news.fault));
    if (news.kind === 'ended') this.#hasEnded = true;
    if (news.kind !== 'turn') return;
    this.#hasOthers = news.hasOthers;
    if (!news.isOurs) return;
    this.#isOurTurn = true;
    this.#takeTurn();
  }

  async #leave(): Promise<void> {
    const untilMs = Date.now() + STOP_MS;
    this.#socket.end();
    await Promise.race([this.#closed, sleep(STOP_MS, undefined, { ref: false })]);
    this.#socket.destroy();
    while (this.#hasEnded && isProcessAlive(this.#pid) && Date.now() < untilMs) await sleep(20);
  }
}

/** Starts the process that keeps the folder's servers; resolves when it listens, or another one does. */
async function startKeeper(cwd: string): Promise<void> {
  const child = spawnKeeper(cwd);
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [undefined])]);
  child.unref();
  if (child.connected) child.disconnect();
  const report = startReportSchema.safeParse(message);
  if (!report.success) {
    throw new EmbeddedError(
      'server-failed',
      `The process that runs the local servers stopped while starting. Its log: ${keeperLog(cwd)}`,
    );
  }
  if (report.data.kind === 'failed') throw errorOf(report.data.fault);
}

function spawnKeeper(cwd: string): ChildProcess {
  mkdirSync(join(stackFolder(cwd), 'logs'), { recursive: true });
  const log = openSync(keeperLog(cwd), 'a', 0o600);
  try {
    return fork(KEEPER, [cwd], { detached: true, execArgv: [], stdio: ['ignore', log, log, 'ipc'] });
  } finally {
    closeSync(log);
  }
}

function keeperLog(cwd: string): string {
  return join(stackFolder(cwd), 'logs', 'keeper.log');
}
