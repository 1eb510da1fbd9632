import { access, appendFile, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findServerProgram, requireServerPrograms } from '../../../../src/local/servers/find-binary.js';
import { eventually } from '../../../support/eventually.js';
import { fakeCheckout } from '../../../support/stack/fake-checkout.js';
import type { FakeCheckout } from '../../../support/stack/fake-checkout.js';

const checkouts: FakeCheckout[] = [];

afterEach(async () => {
  await Promise.all(checkouts.splice(0).map((checkout) => checkout.remove()));
});

async function checkout(options: { withGo: boolean }): Promise<FakeCheckout> {
  const made = await fakeCheckout(options);
  checkouts.push(made);
  return made;
}

const EVERYTHING = ['npm ci', 'go build'];

/** Files in the cache that are meant to stay. */
async function cached({ env }: FakeCheckout): Promise<readonly string[]> {
  const names = await readdir(env['XDG_CACHE_HOME'] ?? '', { recursive: true });
  return names.filter((name) => /(temporal|versitygw|building-.*|\.lock.*)$/.test(name)).sort();
}

describe('npm run setup', () => {
  it('prepares a fresh checkout, and does nothing the second time', async () => {
    const fresh = await checkout({ withGo: true });
    const first = await fresh.setup();
    expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('3 to 4 minutes') });
    expect(await fresh.calls()).toEqual(EVERYTHING);
    expect(await fresh.setup()).toEqual({ exitCode: 0, stderr: '' });
    expect(await fresh.calls()).toEqual(EVERYTHING);
  });

  it('puts the servers where the program finds them', async () => {
    const fresh = await checkout({ withGo: true });
    await fresh.setup();
    for (const name of ['temporal', 'versitygw'] as const) {
      expect(findServerProgram(name, fresh.env)).toMatch(
        new RegExp(`/cache/banana-batch/[0-9a-f]{16}/${name}$`),
      );
    }
    expect(await cached(fresh)).toHaveLength(2);
  });

  it('rebuilds only what has changed', async () => {
    const used = await checkout({ withGo: true });
    await used.setup();
    await appendFile(join(used.root, 'src/index.ts'), '// changed\n');
    expect((await used.setup()).stderr).toBe(
      'Building …\nThere are no workflows to bundle yet (src/workflows/index.ts).\nReady.\n',
    );
    expect(await used.calls()).toEqual(EVERYTHING);
    await writeFile(
      join(used.root, 'package-lock.json'),
      JSON.stringify({
        packages: { '': {}, a: { version: '1.0.1' }, b: { version: '1.0.0', optional: true } },
      }),
    );
    await used.setup();
    expect(await used.calls()).toEqual([...EVERYTHING, 'npm ci']);
  });

  it('does not reinstall for an optional package of another platform', async () => {
    const used = await checkout({ withGo: true });
    await used.setup();
    const lock = { packages: { '': {}, a: { version: '1.0.0' }, b: { version: '1.0.0', optional: true } } };
    await writeFile(join(used.root, 'package-lock.json'), JSON.stringify(lock));
    await used.setup();
    expect(await used.calls()).toEqual(EVERYTHING);
  });

  it('without Go and servers lists the options before it does anything', async () => {
    const bare = await checkout({ withGo: false });
    const { exitCode, stderr } = await bare.setup();
    expect(exitCode).toBe(2);
    for (const way of [
      'https://go.dev/dl/',
      'TEMPORAL_CLI_PATH',
      'VERSITYGW_PATH',
      'TEMPORAL_ADDRESS',
      'BANANA_BUCKET',
    ]) {
      expect(stderr).toContain(way);
    }
    expect(await bare.calls()).toEqual([]);
    // The program itself prints the same.
    expect(() => requireServerPrograms(['temporal', 'versitygw'], bare.env)).toThrow(stderr.trimEnd());
  });

  it.each([
    [{ FAKE_GO_VERSION: 'go1.26.1', FAKE_GO_TOOLCHAIN: 'local' }, 'GOTOOLCHAIN=local'],
    [
      { FAKE_GO_VERSION: 'go1.19.8', FAKE_GO_TOOLCHAIN: '' },
      'The installed Go is go1.19.8; the embedded servers need 1.26',
    ],
  ])('reports that Go is too old: %o', async (env, message) => {
    const old = await checkout({ withGo: true });
    expect(await old.setup(env)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
    expect(await old.calls()).toEqual([]);
  });

  it('accepts a slightly older Go that fetches a newer one by itself', async () => {
    const older = await checkout({ withGo: true });
    expect(await older.setup({ FAKE_GO_VERSION: 'go1.23.1' })).toMatchObject({ exitCode: 0 });
  });

  it('needs no Go if the servers are on PATH', async () => {
    const equipped = await checkout({ withGo: false });
    await equipped.addProgram('temporal', '#!/bin/sh\n');
    await equipped.addProgram('versitygw', '#!/bin/sh\n');
    expect(await equipped.setup()).toMatchObject({ exitCode: 0 });
    expect(findServerProgram('temporal', equipped.env)).toBe(join(equipped.env['PATH'] ?? '', 'temporal'));
  });

  it('needs no servers if others are configured, also by .env', async () => {
    const configured = await checkout({ withGo: false });
    await writeFile(join(configured.root, '.env'), 'BANANA_BUCKET=mine\n');
    expect(await configured.setup({ TEMPORAL_ADDRESS: 'temporal:7233' })).toMatchObject({ exitCode: 0 });
  });

  it('does not fall back if a configured server program is missing', async () => {
    const mistaken = await checkout({ withGo: true });
    const env = { TEMPORAL_CLI_PATH: '/nowhere/temporal' };
    const { exitCode, stderr } = await mistaken.setup(env);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('TEMPORAL_CLI_PATH=/nowhere'),
    });
    expect(() => findServerProgram('temporal', { ...mistaken.env, ...env })).toThrow(stderr.trimEnd());
  });

  it('shows why a build failed, leaves nothing incomplete, and succeeds later', async () => {
    const unlucky = await checkout({ withGo: true });
    const { exitCode, stderr } = await unlucky.setup({ FAKE_GO: 'fail' });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('cannot find module providing package');
    const log = /The end of (\S+):/.exec(stderr)?.[1] ?? '';
    expect(await readFile(log, 'utf8')).toContain('cannot find module');
    expect(await cached(unlucky)).toEqual([]);
    expect(await unlucky.setup()).toMatchObject({ exitCode: 0 });
  });

  it('interrupted while building leaves no server behind and can be repeated', async () => {
    const interrupted = await checkout({ withGo: true });
    const run = interrupted.begin({ FAKE_GO: 'hang' });
    await eventually(async () => (await interrupted.calls()).includes('go build'), {
      what: 'go is building',
    });
    run.interrupt();
    expect(await run.finished).toMatchObject({ exitCode: 143 });
    expect((await cached(interrupted)).filter((name) => !name.includes('building-'))).toEqual([]);
    await interrupted.setup();
    expect(await cached(interrupted)).toHaveLength(2);
  });

  it('run twice at the same time builds once', async () => {
    const shared = await checkout({ withGo: true });
    const runs = await Promise.all([shared.setup(), shared.setup(), shared.setup()]);
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(await shared.calls()).toEqual(EVERYTHING);
    await access(join(shared.root, 'dist/.built-from'));
  });

  it('takes over from a setup that was killed', async () => {
    const shared = await checkout({ withGo: true });
    await shared.setup();
    await appendFile(join(shared.root, 'src/index.ts'), '// changed\n');
    // The highest possible pid is never given to a process.
    await writeFile(join(shared.env['XDG_CACHE_HOME'] ?? '', 'banana-batch/setup.lock'), '4194304');
    expect(await shared.setup()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Ready.') });
  });
});
