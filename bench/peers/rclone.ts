import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { TestS3 } from '../../test/support/stack/test-stack.js';
import { difference, endedChildrenCpuMs } from '../measure/process-usage.js';
import type { Say } from '../program/bench.js';

export const RCLONE_NAME = 'rclone';

const MODULE = path.resolve(import.meta.dirname, 'rclone');
const BUILD_MS = 3 * 60_000;
const TRANSFERS = 16;

/**
 * An rclone that copies a list of URLs: of PATH, or built once from the pinned module into the user's cache folder, with
 * S3 alone. Undefined if there is none and no Go, or if the build fails or takes longer than 3 minutes.
 */
export async function findRclone(say: Say): Promise<string | undefined> {
  if (await copiesLists('rclone')) return 'rclone';
  const pinned = createHash('sha256').update(await readFile(path.join(MODULE, 'go.sum')));
  const folder = path.join(cacheFolder(), 'peers', pinned.digest('hex').slice(0, 16));
  const program = path.join(folder, 'rclone');
  if (await isExecutable(program)) return program;
  say('building rclone with Go, once: 1 to 3 minutes');
  await mkdir(folder, { recursive: true });
  const unfinished = path.join(folder, `building-${process.pid}`);
  const args = ['build', '-mod=readonly', '-buildvcs=false', '-ldflags=-s -w', '-o', unfinished, '.'];
  const { code } = await run('go', args, { cwd: MODULE, env: { GOWORK: 'off' }, withinMs: BUILD_MS });
  if (code !== 0) {
    say('rclone is not available: it could not be built');
    return undefined;
  }
  await rename(unfinished, program);
  return program;
}

/**
 * Copies images from their URLs into the bucket; returns the CPU time of the whole process, undefined where there is
 * no /proc.
 * @throws if not all are copied.
 */
export async function copyByRclone(
  program: string,
  s3: TestS3,
  { urlsFile, prefix }: { readonly urlsFile: string; readonly prefix: string },
): Promise<number | undefined> {
  const before = endedChildrenCpuMs();
  const args = ['copyurl', '--urls', urlsFile, `peer:${s3.bucket}/${prefix}`];
  const { code, output } = await run(program, [...args, '--transfers', String(TRANSFERS), '--config', ''], {
    cwd: path.dirname(urlsFile),
    env: {
      RCLONE_CONFIG_PEER_TYPE: 's3',
      RCLONE_CONFIG_PEER_PROVIDER: 'Other',
      RCLONE_CONFIG_PEER_ENDPOINT: s3.endpoint,
      RCLONE_CONFIG_PEER_REGION: s3.region,
      RCLONE_CONFIG_PEER_ACCESS_KEY_ID: s3.accessKeyId,
      RCLONE_CONFIG_PEER_SECRET_ACCESS_KEY: s3.secretAccessKey,
      RCLONE_CONFIG_PEER_NO_CHECK_BUCKET: 'true',
    },
  });
  if (code !== 0) throw new Error(`rclone has ended with exit code ${String(code)}: ${output}`);
  return difference(before, endedChildrenCpuMs());
}

async function copiesLists(program: string): Promise<boolean> {
  const { code, output } = await run(program, ['copyurl', '--help'], { cwd: MODULE, env: {} });
  return code === 0 && output.includes('--urls');
}

function cacheFolder(): string {
  const configured = process.env['XDG_CACHE_HOME'];
  const base = configured && path.isAbsolute(configured) ? configured : path.join(homedir(), '.cache');
  return path.join(base, 'banana-batch');
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end; the code is null if it could not be started or was killed after `withinMs`. */
async function run(
  program: string,
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly withinMs?: number;
  },
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.withinMs !== undefined && { timeout: options.withinMs }),
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (exitCode) => resolve(exitCode));
  });
  return { code, output: Buffer.concat(chunks).toString() };
}
