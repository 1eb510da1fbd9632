import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { isProcessAlive } from './process-alive.js';
import { EmbeddedError } from './embedded-error.js';
import { createPrivateFile, readTextIfAny, replacePrivateFile } from './private-file.js';

/** The places of a stack's parts, as in its file. */
export const stackInfoSchema = z
  .object({
    pid: z.int().positive(),
    startedAt: z.iso.datetime(),
    /** Where its keeper listens for users; absent while it starts and ends. */
    keeper: z.object({ port: z.int(), token: z.string() }).readonly().optional(),
    temporal: z
      .object({ address: z.string(), uiUrl: z.string(), namespace: z.string() })
      .readonly()
      .optional(),
    s3: z
      .object({
        endpoint: z.string(),
        region: z.string(),
        bucket: z.string(),
        accessKeyId: z.string(),
        secretAccessKey: z.string(),
      })
      .readonly()
      .optional(),
    api: z.object({ baseUrl: z.string(), apiKey: z.string() }).readonly().optional(),
  })
  .readonly();

/** The places of a running stack's parts. Contains the secrets of this folder's own servers. */
export type StackInfo = z.infer<typeof stackInfoSchema>;

// Maximum age of a claim whose keeper does not listen, because it starts or ends.
const CLAIM_MS = 90_000;

/** The folder for everything that a stack started in `cwd` writes. */
export function stackFolder(cwd: string): string {
  return join(cwd, '.banana-batch');
}

/** The stack that is running in this folder, if any; removes the remains of a dead one. */
export async function findStack(cwd: string): Promise<StackInfo | undefined> {
  const found = await readLiveStack(cwd);
  return found !== undefined && hasParts(found) ? found : undefined;
}

/**
 * Claims the folder for this process; follow with `publishStack` and `withdrawStack`.
 * @throws EmbeddedError `stack-running` if another stack is alive.
 */
export async function claimStack(cwd: string, startedAt: Date): Promise<void> {
  const claim = serialize({ pid: process.pid, startedAt: startedAt.toISOString() });
  while (!(await createPrivateFile(infoFile(cwd), claim))) {
    const running = await readLiveStack(cwd);
    if (running === undefined) continue;
    throw new EmbeddedError(
      'stack-running',
      `The servers of ${stackFolder(cwd)} are already running or starting, in the process with pid ${String(running.pid)} since ${running.startedAt}. Commands in this folder use them; to restart them, stop that process first.`,
    );
  }
}

/** Publishes the places of the parts for other processes. */
export async function publishStack(cwd: string, info: StackInfo): Promise<void> {
  await replacePrivateFile(infoFile(cwd), serialize(info));
}

/** Releases the folder, unless another process has it by now. */
export async function withdrawStack(cwd: string): Promise<void> {
  if ((await readStack(cwd))?.pid === process.pid) await rm(infoFile(cwd), { force: true });
}

/** The same, even if no part of it is running yet or any more. */
export async function readLiveStack(cwd: string): Promise<StackInfo | undefined> {
  const info = await readStack(cwd);
  if (info !== undefined && (await isAlive(info))) return info;
  // Another process may have claimed the folder during this check.
  const now = await readStack(cwd);
  if (now?.pid !== info?.pid || now?.startedAt !== info?.startedAt) return readLiveStack(cwd);
  await rm(infoFile(cwd), { force: true });
  return undefined;
}

async function readStack(cwd: string): Promise<StackInfo | undefined> {
  const text = await readTextIfAny(infoFile(cwd));
  if (text === undefined) return undefined;
  try {
    return stackInfoSchema.parse(JSON.parse(text));
  } catch {
    // Files are written atomically, so this is another version's; no process of ours can be using it.
    return undefined;
  }
}

/** After a reboot another process may have the same pid, so the pid alone proves nothing. */
async function isAlive(info: StackInfo): Promise<boolean> {
  if (!isProcessAlive(info.pid)) return false;
  if (info.keeper) return acceptsConnections('127.0.0.1', info.keeper.port);
  if (!hasParts(info)) return Date.now() - Date.parse(info.startedAt) < CLAIM_MS;
  const urls = [info.temporal && `http://${info.temporal.address}`, info.s3?.endpoint, info.api?.baseUrl];
  const answers = await Promise.all(
    urls.flatMap((url) => {
      if (url === undefined) return [];
      const { hostname, port } = new URL(url);
      return [acceptsConnections(hostname, Number(port))];
    }),
  );
  return answers.includes(true);
}

function hasParts(info: StackInfo): boolean {
  return info.temporal !== undefined || info.s3 !== undefined || info.api !== undefined;
}

function infoFile(cwd: string): string {
  return join(stackFolder(cwd), 'stack.json');
}

function serialize(info: StackInfo): string {
  return `${JSON.stringify(info, undefined, 2)}\n`;
}

/** Whether something listens there; false after one second without an answer. */
export function acceptsConnections(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
