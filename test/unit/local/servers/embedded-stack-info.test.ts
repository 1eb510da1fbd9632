import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  claimStack,
  findStack,
  publishStack,
  stackFolder,
  withdrawStack,
} from '../../../../src/local/servers/stack-info.js';
import type { StackInfo } from '../../../../src/local/servers/stack-info.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';
import type { TemporaryFolder } from '../../../support/temporary-folder.js';

const NOW = new Date();
const server = createServer();
let folder: TemporaryFolder;
let answering: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(stackFolder(folder.path));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  answering = `http://127.0.0.1:${String(portOf(server.address()))}`;
});

afterEach(async () => {
  server.close();
  await folder.remove();
});

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}

function info(more: Partial<StackInfo> = {}): StackInfo {
  return {
    pid: process.pid,
    startedAt: NOW.toISOString(),
    api: { baseUrl: `${answering}/api/v1`, apiKey: 'key' },
    ...more,
  };
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

async function files(): Promise<readonly string[]> {
  return readdir(stackFolder(folder.path));
}

describe('the record of running local servers', () => {
  it('is found while its process lives and its parts answer', async () => {
    await publishStack(folder.path, info());
    expect(await findStack(folder.path)).toEqual(info());
    expect((await stat(`${stackFolder(folder.path)}/stack.json`)).mode & 0o777).toBe(0o600);
    expect(await files()).toEqual(['stack.json']);
  });

  it('is not found if there is none', async () => {
    expect(await findStack(folder.path)).toBeUndefined();
    expect(await findStack(`${folder.path}/nowhere`)).toBeUndefined();
  });

  it('is removed if its process is dead', async () => {
    await publishStack(folder.path, info({ pid: await deadPid() }));
    expect(await findStack(folder.path)).toBeUndefined();
    expect(await files()).toEqual([]);
  });

  it('is removed if another process has its pid and nothing answers', async () => {
    await publishStack(folder.path, info({ api: { baseUrl: 'http://127.0.0.1:1/api/v1', apiKey: 'key' } }));
    expect(await findStack(folder.path)).toBeUndefined();
    expect(await files()).toEqual([]);
  });

  it.each(['', '{', '{"pid":"me"}'])('is removed if it is invalid: %j', async (text) => {
    await writeFile(`${stackFolder(folder.path)}/stack.json`, text);
    expect(await findStack(folder.path)).toBeUndefined();
    expect(await files()).toEqual([]);
  });
});

describe('the claim on a folder', () => {
  it('is not a usable stack yet, but keeps others out', async () => {
    await claimStack(folder.path, NOW);
    expect(await findStack(folder.path)).toBeUndefined();
    await expect(claimStack(folder.path, NOW)).rejects.toMatchObject({
      code: 'stack-running',
      message: expect.stringContaining(`pid ${String(process.pid)}`),
    });
  });

  it('is won by one of many simultaneous claims', async () => {
    const claims = await Promise.allSettled(Array.from({ length: 20 }, () => claimStack(folder.path, NOW)));
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await files()).toEqual(['stack.json']);
  });

  it('replaces a dead stack', async () => {
    await publishStack(folder.path, info({ pid: await deadPid() }));
    await expect(claimStack(folder.path, NOW)).resolves.toBeUndefined();
  });

  it('that is older than a start may take does not keep others out', async () => {
    await claimStack(folder.path, new Date(NOW.getTime() - 10 * 60_000));
    await expect(claimStack(folder.path, NOW)).resolves.toBeUndefined();
  });

  it('ends when withdrawn, and is never taken from another process', async () => {
    await claimStack(folder.path, NOW);
    await withdrawStack(folder.path);
    expect(await files()).toEqual([]);
    await publishStack(folder.path, info({ pid: process.ppid }));
    await withdrawStack(folder.path);
    expect(await files()).toEqual(['stack.json']);
  });
});
