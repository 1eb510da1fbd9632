import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startChildServer } from '../../../../src/local/servers/child-server.js';
import type { ChildServer, ChildServerOptions } from '../../../../src/local/servers/child-server.js';
import { eventually } from '../../../support/eventually.js';
import { isProcessGone, isProcessGroupGone } from '../../../support/stack/process-gone.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';
import type { TemporaryFolder } from '../../../support/temporary-folder.js';

let folder: TemporaryFolder;
const started: ChildServer[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.kill()));
  await folder.remove();
});

function options(script: string, more: Partial<ChildServerOptions> = {}): ChildServerOptions {
  return {
    name: 'The fake server',
    program: process.execPath,
    args: ['-e', script],
    logFile: join(folder.path, 'fake.log'),
    isReady: async () => (await readFile(join(folder.path, 'fake.log'), 'utf8')).includes('ready'),
    ...more,
  };
}

async function start(script: string, more: Partial<ChildServerOptions> = {}): Promise<ChildServer> {
  const server = await startChildServer(options(script, more));
  started.push(server);
  return server;
}

const SERVE = 'console.log("ready " + process.pid); setInterval(() => {}, 1000);';
const SERVE_STUBBORNLY = `process.on("SIGTERM", () => console.log("no")); ${SERVE}`;

describe('a server as a child process', () => {
  it('has the pid of the server itself and is gone after its stop', async () => {
    const server = await start(SERVE);
    expect(await readFile(join(folder.path, 'fake.log'), 'utf8')).toBe(`ready ${String(server.pid)}\n`);
    await server.stop();
    expect(isProcessGone(server.pid)).toBe(true);
    expect(await server.exited).toEqual({ code: null, signal: 'SIGTERM' });
    await server.stop();
  });

  it('leaves nothing of its process group behind', async () => {
    const server = await start(SERVE);
    await server.stop();
    const gone = eventually(() => isProcessGroupGone(server.pid), {
      what: 'the watcher is gone',
      withinMs: 2_000,
    });
    await expect(gone).resolves.toBe(true);
  });

  it('is killed if it does not exit in time after SIGTERM', async () => {
    const server = await start(SERVE_STUBBORNLY, { stopTimeoutMs: 200 });
    await server.stop();
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await readFile(join(folder.path, 'fake.log'), 'utf8')).toContain('no\n');
  });

  it('that exits while starting is reported with its exit code and the end of its log', async () => {
    const crash = start('console.error("port 7070 is taken"); process.exit(3);');
    await expect(crash).rejects.toMatchObject({
      code: 'server-failed',
      message: expect.stringMatching(
        /^The fake server ended while starting \(exit code 3\)[^]*port 7070 is taken/,
      ),
    });
  });

  it('that is not ready in time is stopped and reported', async () => {
    const late = start('console.log("pid " + process.pid); setInterval(() => {}, 1000);', {
      readyTimeoutMs: 1_000,
    });
    await expect(late).rejects.toMatchObject({ message: expect.stringContaining('was not ready after 1 s') });
    const pid = /pid (\d+)/.exec(await readFile(join(folder.path, 'fake.log'), 'utf8'))?.[1];
    expect(isProcessGone(Number(pid))).toBe(true);
  });

  it('whose program cannot be run is reported as such', async () => {
    const missing = start('', { program: join(folder.path, 'nothing-here') });
    await expect(missing).rejects.toMatchObject({
      code: 'server-failed',
      message: expect.stringContaining('nothing-here'),
    });
  });

  it('keeps the log of the previous start', async () => {
    await (await start(SERVE)).stop();
    await start(SERVE);
    expect(await readFile(join(folder.path, 'fake.log.previous'), 'utf8')).toContain('ready');
  });

  it('gets only the environment variables that it needs', async () => {
    process.env['BANANA_TEST_SECRET'] = 'hush';
    try {
      await start(`console.log(Object.keys(process.env).sort().join()); ${SERVE}`, { env: { EXTRA: '1' } });
    } finally {
      delete process.env['BANANA_TEST_SECRET'];
    }
    const seen = (await readFile(join(folder.path, 'fake.log'), 'utf8')).split('\n')[0]?.split(',') ?? [];
    expect(seen).toEqual(expect.arrayContaining(['EXTRA', 'PATH']));
    expect(seen).not.toContain('BANANA_TEST_SECRET');
  });

  it.each([
    ['is ended', SERVE],
    ['is ended though it ignores SIGTERM', SERVE_STUBBORNLY],
  ])('%s within two seconds after our process was killed', async (_, script) => {
    const parentFile = join(import.meta.dirname, '../../../support/stack/tethered-parent.ts');
    const log = join(folder.path, 'owned.log');
    const parent = spawn(
      process.execPath,
      ['--import', 'tsx', parentFile, log, process.execPath, '-e', script],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    await eventually(async () => (await readFile(log, 'utf8')).includes('ready'), {
      what: 'the server runs',
    });
    expect(isProcessGone(pid)).toBe(false);
    parent.kill('SIGKILL');
    await eventually(() => isProcessGone(pid), { what: 'the server is gone', withinMs: 2_000 });
  });
});
