import { join } from 'node:path';
import type { EmbeddedError } from './embedded-error.js';
import { requireServerPrograms } from './find-binary.js';
import type { SandboxBehaviour } from './sandbox-server.js';
import { choosePorts, loadSecrets, prepareFolder } from './stack-data.js';
import { claimStack, publishStack, stackFolder, withdrawStack } from './stack-info.js';
import type { StackInfo } from './stack-info.js';
import { PART_KINDS } from './stack-parts.js';
import type { Part } from './stack-parts.js';

/** Which parts to start. Their data is kept in `.banana-batch/` of `cwd` and continued at the next start. */
export interface StackOptions {
  readonly cwd: string;
  readonly temporal?: boolean;
  readonly s3?: boolean;
  /** Its behaviour, or true for the documented one. */
  readonly sandbox?: boolean | SandboxBehaviour;
}

/** Parts that run until `stop`, or until this process ends in whatever way. */
export interface RunningStack {
  /** The same as other processes get from `findStack`. */
  readonly info: StackInfo;
  /** Of the servers, in the order temporal, s3; the sandbox lives in this process. */
  readonly serverPids: readonly number[];
  /** Resolves when a server has ended without having been asked to; never rejects. */
  readonly serverLost: Promise<EmbeddedError>;
  /** Ends all parts within 10 s and gives the folder up. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts the parts asked for, side by side; where one fails, the others are stopped again.
 * @throws EmbeddedError `server-missing` (before anything is started), `stack-running`, `server-failed` or
 * `stack-data-broken`.
 */
export async function startStack({ cwd, ...asked }: StackOptions): Promise<RunningStack> {
  const kinds = (['temporal', 's3', 'sandbox'] as const)
    .filter((name) => asked[name] !== undefined && asked[name] !== false)
    .map((name) => PART_KINDS[name]);
  requireServerPrograms(kinds.flatMap(({ programs }) => programs));
  const startedAt = new Date();
  const folder = stackFolder(cwd);
  await prepareFolder(folder);
  await claimStack(cwd, startedAt);

  const parts: Part[] = [];
  const stopParts = async (): Promise<void> => {
    try {
      await Promise.all(parts.map((part) => part.stop()));
    } finally {
      await withdrawStack(cwd);
    }
  };
  try {
    const secrets = await loadSecrets(folder);
    const ports = await choosePorts(folder, new Set(kinds.flatMap(({ listeners }) => listeners)));
    const sandboxBehaviour = typeof asked.sandbox === 'object' ? asked.sandbox : {};
    const context = { folder, logDir: join(folder, 'logs'), secrets, ports, sandboxBehaviour };
    const starts = await Promise.allSettled(kinds.map((kind) => kind.start(context)));
    parts.push(...starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : [])));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    const info: StackInfo = { pid: process.pid, startedAt: startedAt.toISOString() };
    for (const part of parts) Object.assign(info, part.info);
    await publishStack(cwd, info);
    return running(info, parts, stopParts);
  } catch (error) {
    await stopParts();
    throw error;
  }
}

function running(info: StackInfo, parts: readonly Part[], stopParts: () => Promise<void>): RunningStack {
  let stopping: Promise<void> | undefined;
  const lossOf = async (part: Part): Promise<EmbeddedError> => {
    const error = await part.ended;
    return stopping === undefined ? error : new Promise<never>(() => undefined);
  };
  const serverPids = parts.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  const serverLost = Promise.race(parts.map(lossOf));
  return { info, serverPids, serverLost, stop: () => (stopping ??= stopParts()) };
}
