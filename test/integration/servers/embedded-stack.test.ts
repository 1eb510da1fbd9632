import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createS3ObjectStore } from '../../../src/storage/s3/s3-object-store.js';
import { startStack } from '../../../src/local/keeper/stack.js';
import type { RunningStack, StackOptions } from '../../../src/local/keeper/stack.js';
import { findStack } from '../../../src/local/servers/stack-info.js';
import { isProcessGone } from '../../support/stack/process-gone.js';
import { eventually } from '../../support/eventually.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import type { TemporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
const running: RunningStack[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((stack) => stack.stop()));
  await folder.remove();
});

async function start(parts: Omit<StackOptions, 'cwd'>): Promise<RunningStack> {
  const stack = await startStack({ cwd: folder.path, ...parts });
  running.push(stack);
  return stack;
}

describe('a stack', () => {
  it('starts all parts, reports their addresses, and releases the folder when stopped', async () => {
    const stack = await start({ temporal: true, s3: true, sandbox: true });
    expect(await findStack(folder.path)).toEqual(stack.info);
    const { temporal, s3, api } = stack.info;
    if (temporal === undefined || s3 === undefined || api === undefined) throw new Error('a part is missing');

    const connection = await Connection.connect({ address: temporal.address });
    await connection.close();
    const { endpoint, region, bucket, ...credentials } = s3;
    const store = createS3ObjectStore({ endpoint, region, credentials });
    await store.checkBucket(bucket);
    store.close();
    const headers = { authorization: `Bearer ${api.apiKey}` };
    expect((await fetch(`${api.baseUrl}/balance`, { headers })).status).toBe(200);

    const begun = performance.now();
    await stack.stop();
    await stack.stop();
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await findStack(folder.path)).toBeUndefined();
    await expect(fetch(`${endpoint}/healthz`)).rejects.toThrow('fetch failed');
    await expect(fetch(api.baseUrl)).rejects.toThrow('fetch failed');
  });

  it('starts only the requested parts', async () => {
    const { info } = await start({ s3: true });
    expect(Object.keys(info).sort()).toEqual(['keeper', 'pid', 's3', 'startedAt']);
  });

  it('restarts on the same ports with the same keys', async () => {
    const first = await start({ s3: true, sandbox: true });
    await first.stop();
    const second = await start({ s3: true, sandbox: true });
    expect(second.info.s3).toEqual(first.info.s3);
    expect(second.info.api).toEqual(first.info.api);
  });

  it('keeps its secrets from other users and from version control', async () => {
    await start({ s3: true });
    for (const name of ['secrets.json', 'stack.json', 'logs/s3.log']) {
      const { mode } = await stat(join(folder.path, '.banana-batch', name));
      expect(`${name} ${(mode & 0o777).toString(8)}`).toBe(`${name} 600`);
    }
    expect(await readFile(join(folder.path, '.banana-batch/.gitignore'), 'utf8')).toBe('*\n');
  });

  it('is shared by all users, each with the parts it needs, and stops with the last one', async () => {
    const [first, second] = await Promise.all([start({ s3: true }), start({ s3: true })]);
    expect(second.info).toEqual(first.info);
    const third = await start({ s3: true, sandbox: true });
    expect(third.info).toMatchObject({ pid: first.info.pid, s3: first.info.s3, api: {} });
    await first.stop();
    await second.stop();
    expect((await fetch(`${first.info.s3?.endpoint}/healthz`)).status).toBe(200);
    expect(await findStack(folder.path)).toEqual(third.info);
    await third.stop();
    expect(isProcessGone(first.info.pid)).toBe(true);
    expect(await findStack(folder.path)).toBeUndefined();
  });

  it('gives the worker to one user at a time, and to the next one when it leaves', async () => {
    const first = await start({ s3: true, worker: true });
    const second = await start({ s3: true, worker: true });
    await start({ s3: true });
    expect([first.isOurTurn(), second.isOurTurn(), second.hasOthers()]).toEqual([true, false, true]);
    await eventually(() => first.hasOthers(), { what: 'the first knows of the second' });
    await first.stop();
    await second.turn;
    expect(second.hasOthers()).toBe(false);
  });

  it('whose keeper is killed is lost for all users, leaves no server, and can be started again', async () => {
    const users = [await start({ s3: true, sandbox: true }), await start({ s3: true })];
    process.kill(users[0]?.info.pid ?? 0, 'SIGKILL');
    for (const { serverLost } of users) {
      expect(await serverLost).toMatchObject({ code: 'server-failed' });
    }
    const pids = users.flatMap(({ serverPids }) => serverPids);
    await eventually(() => pids.every(isProcessGone), { what: 'the server is gone', withinMs: 3_000 });
    await Promise.all(users.map((user) => user.stop()));
    await start({ s3: true, sandbox: true });
  });

  it('starts again for a user that arrives while it stops', async () => {
    for (let round = 0; round < 5; round += 1) {
      const first = await start({ s3: true });
      const [, second] = await Promise.all([first.stop(), start({ s3: true })]);
      expect((await fetch(`${second.info.s3?.endpoint}/healthz`)).status).toBe(200);
      await second.stop();
    }
  });

  it('refuses a second user of the same name, and names the first one’s process', async () => {
    await start({ s3: true, single: 'dev' });
    await expect(start({ s3: true, single: 'dev' })).rejects.toMatchObject({
      code: 'stack-running',
      message: expect.stringContaining(`pid ${process.pid}`),
    });
  });

  it('uses another port if the usual one is taken', async () => {
    const first = await start({ s3: true });
    await first.stop();
    const port = Number(new URL(first.info.s3?.endpoint ?? '').port);
    const squatter = createServer().listen(port, '127.0.0.1');
    try {
      const second = await start({ s3: true });
      expect(new URL(second.info.s3?.endpoint ?? '').port).not.toBe(String(port));
    } finally {
      squatter.close();
    }
  });

  it('that fails in one part stops the others and releases the folder', async () => {
    // A file in the place of the folder with the objects.
    const first = await start({ sandbox: true });
    await first.stop();
    await writeFile(join(folder.path, '.banana-batch/s3'), '');
    await expect(start({ s3: true, sandbox: true })).rejects.toThrow(/s3/);
    await expect(fetch(first.info.api?.baseUrl ?? '')).rejects.toThrow('fetch failed');
    expect(await findStack(folder.path)).toBeUndefined();
  });

  it('whose process is killed leaves no server behind and can be restarted with its data', async () => {
    const script = join(import.meta.dirname, '../../support/stack/stack-parent.ts');
    const parent = spawn(process.execPath, ['--import', 'tsx', script, folder.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const pids = z
      .array(z.number())
      .length(2)
      .parse(JSON.parse(String(line)));
    const left = await findStack(folder.path);

    parent.kill('SIGKILL');
    await eventually(() => pids.every(isProcessGone), { what: 'both servers are gone', withinMs: 10_000 });
    const again = await start({ temporal: true, s3: true });
    expect(again.info).toMatchObject({ temporal: left?.temporal, s3: left?.s3 });
  });

  it.each([
    ['garbage', () => randomBytes(40_000), 'file is not a database'],
    ['empty', () => Buffer.alloc(0), 'no such table'],
    ['cut short', (whole: Buffer) => whole.subarray(0, 5000), '(?:malformed|no such table)'],
  ])('whose database is %s advises to move it away', async (_, damage, what) => {
    const first = await start({ temporal: true });
    await first.stop();
    const database = join(folder.path, '.banana-batch/temporal/temporal.db');
    await Promise.all(['-wal', '-shm'].map((end) => rm(database + end, { force: true })));
    await writeFile(database, damage(await readFile(database)));
    await expect(start({ temporal: true })).rejects.toMatchObject({
      code: 'stack-data-broken',
      message: expect.stringMatching(new RegExp(`${what}.*Move it away.*"banana-batch retry ID" continues`)),
    });
    await rename(database, `${database}.damaged`);
    await start({ temporal: true });
  });

  it('whose bucket was copied without extended attributes explains how to copy it', async () => {
    const first = await start({ s3: true });
    await first.stop();
    const bucket = join(folder.path, '.banana-batch/s3/banana-batch');
    await rm(bucket, { recursive: true });
    await mkdir(bucket);
    await expect(start({ s3: true })).rejects.toMatchObject({
      code: 'stack-data-broken',
      message: expect.stringContaining('Copy the folder from its source again, with "cp -a"'),
    });
  });

  it('reports when a server has exited by itself, and still stops', async () => {
    const stack = await start({ s3: true });
    for (const pid of stack.serverPids) process.kill(pid, 'SIGKILL');
    expect(await stack.serverLost).toMatchObject({
      code: 'server-failed',
      message: expect.stringMatching(/^The embedded S3 server has stopped by SIGKILL/),
    });
    await stack.stop();
  });

  it('does not report its own stop as a loss', async () => {
    const stack = await start({ s3: true });
    let lost = false;
    void stack.serverLost.then(() => (lost = true));
    await stack.stop();
    await eventually(() => findStack(folder.path).then((found) => found === undefined), {
      what: 'it is gone',
    });
    expect(lost).toBe(false);
  });
});
