import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { EmbeddedError } from '../servers/embedded-error.js';
import {
  faultOf,
  onLines,
  PART_NAMES,
  requestSchema,
  sendLine,
  type KeeperRequest,
  type PartName,
} from './keeper-protocol.js';
import { choosePorts, loadSecrets } from '../servers/stack-data.js';
import {
  claimStack,
  publishStack,
  stackFolder,
  withdrawStack,
  type StackInfo,
} from '../servers/stack-info.js';
import { PART_KINDS, type Part } from '../servers/stack-parts.js';

/** A keeper without any user for this long ends: the command that started it was killed at once. */
const FIRST_USER_MS = 20_000;
/** Once a server is lost, users have this long to finish; a worker takes up to 30 s. */
const LEAVE_MS = 40_000;

interface User extends KeeperRequest {
  readonly socket: Socket;
}

/** The servers of a folder, kept running while someone uses them. */
export interface StackKeeper {
  /** Resolves when the last user has left and all servers have ended. */
  readonly ended: Promise<void>;
  /** Reports an error to all users and ends once they have left, after 40 s at the latest. */
  fail(error: unknown): void;
  /** Ends even if it is in use. */
  stop(): void;
}

/**
 * Claims the folder and listens for users.
 * @throws EmbeddedError `stack-running` if the folder has a keeper.
 */
export async function startKeeper(cwd: string): Promise<StackKeeper> {
  const startedAt = new Date();
  await claimStack(cwd, startedAt);
  // Half-open: a user that leaves is still notified of the end of the servers.
  const server = createServer({ allowHalfOpen: true });
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening on a port');
    const keeper = { port: address.port, token: randomBytes(24).toString('base64url') };
    const info: StackInfo = { pid: process.pid, startedAt: startedAt.toISOString(), keeper };
    const kept = new KeptStack(cwd, info, () => server.close());
    server.on('connection', (socket) => kept.receive(socket));
    await publishStack(cwd, info);
    return kept;
  } catch (error) {
    server.close();
    await withdrawStack(cwd);
    throw error;
  }
}

class KeptStack implements StackKeeper {
  readonly ended: Promise<void>;
  readonly #cwd: string;
  readonly #closeDoor: () => void;
  readonly #parts = new Map<PartName, Part>();
  /** In order of arrival. */
  readonly #users = new Set<User>();
  /** Users with all their parts running. */
  readonly #ready = new WeakSet<User>();
  #info: StackInfo;
  /** Starts of parts, one after another. */
  #starts: Promise<unknown> = Promise.resolve();
  #isClosing = false;
  #isEnding = false;
  #finish: () => void = () => undefined;

  constructor(cwd: string, info: StackInfo, closeDoor: () => void) {
    this.#cwd = cwd;
    this.#info = info;
    this.#closeDoor = closeDoor;
    this.ended = new Promise((resolve) => (this.#finish = resolve));
    setTimeout(() => this.#users.size === 0 && void this.#end(), FIRST_USER_MS).unref();
  }

  receive(socket: Socket): void {
    let user: User | undefined;
    const leave = (): void => {
      // Others only check whether someone listens.
      if (!user) socket.end();
      else this.#leave(user);
      user = undefined;
    };
    socket.on('error', () => undefined);
    socket.once('end', leave).once('close', leave);
    onLines(socket, requestSchema, (request) => {
      // A user that arrives while the servers stop asks the next keeper.
      if (user || this.#isClosing || !this.#isKnown(request.token)) {
        socket.destroy();
        return;
      }
      user = { ...request, socket };
      this.#users.add(user);
      void this.#serve(user);
    });
  }

  fail(error: unknown): void {
    const fault = faultOf(error);
    this.#isClosing = true;
    for (const { socket } of this.#users) sendLine(socket, { kind: 'lost', fault });
    if (this.#users.size === 0) void this.#end();
    else setTimeout(() => void this.#end(), LEAVE_MS).unref();
  }

  stop(): void {
    void this.#end();
  }

  #leave(user: User): void {
    this.#users.delete(user);
    if (this.#users.size === 0) void this.#end(user.socket);
    else user.socket.end();
    this.#announceTurns();
  }

  async #serve(user: User): Promise<void> {
    const { socket } = user;
    const started = this.#starts.then(() => this.#admit(user));
    this.#starts = started.catch(() => undefined);
    try {
      await started;
    } catch (error) {
      sendLine(socket, { kind: 'failed', fault: faultOf(error) });
      return;
    }
    const serverPids = [...this.#parts.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    this.#ready.add(user);
    // First, so that a ready user knows whose turn it is.
    this.#announceTurns();
    sendLine(socket, { kind: 'ready', info: this.#info, serverPids });
  }

  async #admit(user: User): Promise<void> {
    const { single, parts } = user;
    const twin = [...this.#users].find(
      (other) => other !== user && single !== undefined && other.single === single && this.#ready.has(other),
    );
    if (twin) {
      throw new EmbeddedError(
        'stack-running',
        `"banana-batch ${String(single)}" is already running in this folder, with pid ${twin.pid}. Other commands in this folder use its servers; to start it again, stop that process first.`,
      );
    }
    await this.#ensure(parts);
  }

  /** Starts those of the parts that are not running, in parallel; if one fails, the others are stopped again. */
  async #ensure(parts: readonly PartName[]): Promise<void> {
    const missing = PART_NAMES.filter((name) => parts.includes(name) && !this.#parts.has(name));
    if (missing.length === 0) return;
    const folder = stackFolder(this.#cwd);
    const secrets = await loadSecrets(folder);
    const ports = await choosePorts(folder, new Set(missing.flatMap((name) => PART_KINDS[name].listeners)));
    const context = { folder, logDir: join(folder, 'logs'), secrets, ports };
    const starts = await Promise.allSettled(
      missing.map(async (name) => ({ name, part: await PART_KINDS[name].start(context) })),
    );
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const failed = starts.find((start) => start.status === 'rejected');
    try {
      if (failed) throw failed.reason;
      const info = { ...this.#info };
      for (const { part } of started) Object.assign(info, part.info);
      await publishStack(this.#cwd, info);
      this.#info = info;
    } catch (error) {
      await Promise.all(started.map(({ part }) => part.stop()));
      throw error;
    }
    for (const { name, part } of started) {
      this.#parts.set(name, part);
      void this.#watch(part);
    }
  }

  async #watch(part: Part): Promise<void> {
    const error = await part.ended;
    if (!this.#isEnding) this.fail(error);
  }

  /** The first user that can run the worker has its turn; the next one follows when it leaves. */
  #announceTurns(): void {
    const able = [...this.#users].filter((user) => user.worker && this.#ready.has(user));
    for (const [index, { socket }] of able.entries()) {
      sendLine(socket, { kind: 'turn', isOurs: index === 0, hasOthers: able.length > 1 });
    }
  }

  #isKnown(token: string): boolean {
    const [given, ours] = [Buffer.from(token), Buffer.from(this.#info.keeper?.token ?? '')];
    return given.length === ours.length && timingSafeEqual(given, ours);
  }

  async #end(last?: Socket): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#isClosing = true;
    try {
      await this.#starts;
      await Promise.all([...this.#parts.values()].map((part) => part.stop()));
    } finally {
      // Only now may the next keeper claim the folder.
      await withdrawStack(this.#cwd).catch(() => undefined);
      this.#closeDoor();
      for (const socket of [last, ...[...this.#users].map((user) => user.socket)]) {
        if (!socket) continue;
        sendLine(socket, { kind: 'ended' });
        socket.end();
      }
      this.#finish();
    }
  }
}
