import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { at, batchFileKey } from '../../../src/storage/layout.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import {
  runCommand,
  startCommand,
  type CommandResult,
  type Variables,
} from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { startRelay } from '../../support/services/relay.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

describe('a batch', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 2_000, max: 4_000 } } });
    await engine.startWorker();
    await writeFile(path.join(engine.folder.path, 'two.csv'), 'prompt\none\ntwo\n');
  });
  afterAll(() => engine?.stop());

  const command = (args: readonly string[], variables: Variables = {}): Promise<CommandResult> =>
    runInProcess(args, { cwd: engine.folder.path, variables: { ...engine.variables, ...variables } });

  it('of another account is held before anything is bought, and can be cancelled', async () => {
    await command(['submit', 'two.csv', '--id', 'theirs']);
    const location = { bucket: engine.stack.s3.bucket, root: 'theirs/', batchId: 'theirs' as BatchId };
    const { client } = engine.stack.temporal;
    await client.workflow.getHandle(batchWorkflowId(location.batchId)).result();
    const { store } = engine.stack.s3;
    const batch = JSON.parse(await store.readText(at(location, batchFileKey(location))));
    const text = JSON.stringify({ ...batch, account: 'https://elsewhere.test#0123456789ab' });
    await store.put(at(location, batchFileKey(location)), Buffer.from(`${text}\n`), {
      contentType: 'application/json',
    });
    await writeFile(path.join(engine.folder.path, 'three.csv'), 'prompt\none\ntwo\nthree\n');
    const jobs = engine.sandbox.stats().jobsMade;

    // Submitted without a key; the worker's key belongs to another account.
    const { BANANAHUB_API_KEY: _, ...keyless } = engine.variables;
    const submitted = await runInProcess(['submit', 'three.csv', '--id', 'theirs', '--yes'], {
      cwd: engine.folder.path,
      variables: keyless,
    });
    expect(submitted).toMatchObject({ code: 0 });
    const held = await eventually(
      async () => {
        const status = await engine.statusOf('theirs');
        return status.state === 'held' ? status : false;
      },
      { what: 'the batch is held', withinMs: 20_000 },
    );
    expect(held).toMatchObject({ reason: expect.stringContaining('https://elsewhere.test#0123456789ab') });
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);

    expect(await command(['cancel', 'theirs'])).toMatchObject({ code: 0 });
    const result = await client.workflow.getHandle(batchWorkflowId(location.batchId)).result();
    expect(result).toMatchObject({ end: 'cancelled' });
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
  });

  it('started with a wrong key continues by itself with the right key', async () => {
    await engine.workers[0]?.end('SIGTERM');
    const jobs = engine.sandbox.stats().jobsMade;
    const wrong = await startCommand(['worker'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, BANANAHUB_API_KEY: 'a-wrong-key' },
      ready: 'The worker is ready.',
    });
    try {
      await command(['submit', 'two.csv', '--id', 'mistyped']);
      await eventually(
        async () => (await engine.statusOf('mistyped')).reason?.includes('The API key is refused'),
        { what: 'the batch is held for its key', withinMs: 30_000 },
      );
      // Its probe checks the key, not a ledger that does not exist yet.
      await eventually(async () => (await engine.statusOf('mistyped')).holds[0]?.nextProbeAt, {
        what: 'a probe has looked',
        withinMs: 30_000,
      });
      expect((await command(['status', 'mistyped', '--json'])).stdout).toContain('The API key is refused');
    } finally {
      await wrong.end('SIGTERM');
    }
    await engine.startWorker();
    const { client } = engine.stack.temporal;
    const result = await client.workflow.getHandle(batchWorkflowId('mistyped' as BatchId)).result();
    expect(result).toMatchObject({ end: 'completed', tally: { stored: 2 } });
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(2);
  });

  it('continues with a rotated key, and not with another account’s key', { timeout: 240_000 }, async () => {
    await writeFile(path.join(engine.folder.path, 'keys.csv'), 'prompt\na key\na shy lock [[flaky]]\n');
    await command(['submit', 'keys.csv', '--max-generations', '1']);
    const location = { bucket: engine.stack.s3.bucket, root: 'keys/', batchId: 'keys' as BatchId };
    const handle = engine.stack.temporal.client.workflow.getHandle(batchWorkflowId(location.batchId));
    expect(await handle.result()).toMatchObject({ tally: { stored: 1, failed: 1 } });
    const accountNow = async (): Promise<string> =>
      JSON.parse(await engine.stack.s3.store.readText(at(location, batchFileKey(location)))).account;
    const account = await accountNow();
    await engine.workers.at(-1)?.end('SIGTERM');
    engine.sandbox.configure({ keys: ['rotated-key', { key: 'foreign-key', account: 'another' }] });
    const jobs = engine.sandbox.stats().jobsMade;
    const rotated = { BANANAHUB_API_KEY: 'rotated-key' };
    expect(await command(['retry', 'keys'], rotated)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('add --rebind'),
    });
    expect(await command(['retry', 'keys', '--rebind'], rotated)).toMatchObject({ code: 0 });
    const worker = (key: string) =>
      startCommand(['worker'], {
        cwd: engine.folder.path,
        variables: { ...engine.variables, BANANAHUB_API_KEY: key },
        ready: 'The worker is ready.',
      });
    const foreign = await worker('foreign-key');
    try {
      await eventually(
        async () => (await engine.statusOf('keys')).reason?.includes('so it is a key of another account'),
        { what: 'the batch is held for the other account', withinMs: 30_000 },
      );
    } finally {
      await foreign.end('SIGTERM');
    }
    const own = await worker('rotated-key');
    try {
      const after = engine.stack.temporal.client.workflow.getHandle(batchWorkflowId(location.batchId));
      expect(await after.result()).toMatchObject({ end: 'completed', tally: { stored: 2 } });
    } finally {
      await own.end('SIGTERM');
      engine.sandbox.configure({ keys: ['test-key'] });
      await engine.startWorker();
    }
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(1);
    expect(await accountNow()).not.toBe(account);
    expect(await command(['retry', 'keys'], rotated)).toMatchObject({ code: 0 });
  });

  it('is not started with a refused key or a base URL that is not the API', async () => {
    const refused = async (variables: Variables): Promise<CommandResult> =>
      command(['submit', 'two.csv', '--id', 'unborn'], variables);
    expect(await refused({ BANANAHUB_API_KEY: 'mistyped' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /The key is not accepted: check BANANAHUB_API_KEY.*Nothing was started\./,
      ),
    });
    const elsewhere = new URL('/elsewhere', engine.apiUrl).href;
    expect(await refused({ BANANAHUB_BASE_URL: elsewhere })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('BANANAHUB_BASE_URL is not the API (404 for GET /balance'),
    });
    expect(await command(['status', 'unborn'])).toMatchObject({ code: 2 });
  });

  it('submitted without a key is made by the first real service, never by a sandbox', async () => {
    const { BANANAHUB_API_KEY: _, ...keyless } = engine.variables;
    const submitted = await runInProcess(['submit', 'two.csv', '--id', 'keyless', '--yes'], {
      cwd: engine.folder.path,
      variables: keyless,
    });
    expect(submitted).toMatchObject({ code: 0 });
    const jobs = engine.sandbox.stats().jobsMade;
    // The worker of this engine has a sandbox.
    await eventually(
      async () =>
        (await engine.statusOf('keyless')).reason?.includes(
          'a sandbox only makes batches that were submitted to it',
        ),
      { what: 'the batch is held', withinMs: 30_000 },
    );
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
    await engine.workers.at(-1)?.end('SIGTERM');
    const real = await startRelay(engine.apiUrl);
    const worker = await startCommand(['worker'], {
      cwd: engine.folder.path,
      variables: {
        ...engine.variables,
        BANANAHUB_BASE_URL: real.url,
        BANANA_ALLOW_PRIVATE_ADDRESSES: 'true',
      },
      ready: 'The worker is ready.',
    });
    try {
      const handle = engine.stack.temporal.client.workflow.getHandle(batchWorkflowId('keyless' as BatchId));
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 2 } });
      expect(await command(['retry', 'keyless'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`was submitted to ${new URL(real.url).origin}`),
      });
    } finally {
      await worker.end('SIGTERM');
      await real.close();
      await engine.startWorker();
    }
  });

  it('held for its key is not continued by the sandbox or another service', async () => {
    await engine.workers.at(-1)?.end('SIGTERM');
    await command(['submit', 'two.csv', '--id', 'bound']);
    const { BANANAHUB_API_KEY: _, BANANAHUB_BASE_URL: __, ...bare } = engine.variables;
    const jobs = engine.sandbox.stats().jobsMade;
    const ran = await runCommand(['run', 'two.csv', '--id', 'bound', '--yes'], {
      cwd: engine.folder.path,
      variables: bare,
    });
    expect(ran).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /was submitted to http:\/\/127\.0\.0\.1:\d+, but the local sandbox is configured here\. To continue it, set BANANAHUB_API_KEY/,
      ),
    });
    for (const again of [
      ['retry', 'bound', '--rebind'],
      ['submit', 'two.csv', '--id', 'bound', '--rebind'],
    ]) {
      expect((await runInProcess(again, { cwd: engine.folder.path, variables: bare })).code).toBe(2);
    }
    expect(engine.sandbox.stats().jobsMade).toBe(jobs);
    await engine.startWorker();
    const handle = engine.stack.temporal.client.workflow.getHandle(batchWorkflowId('bound' as BatchId));
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 2 } });
    expect(engine.sandbox.stats().jobsMade - jobs).toBe(2);
  });

  it('stored in another place is neither shown nor cancelled under the same id', async () => {
    engine.sandbox.configure({ jobTimeMs: { min: 10_000, max: 10_000 } });
    await command(['submit', 'two.csv', '--id', 'placed']);
    const elsewhere = { BANANA_PREFIX: 'elsewhere' };
    for (const args of [
      ['status', 'placed'],
      ['cancel', 'placed'],
      ['submit', 'two.csv', '--id', 'placed'],
    ]) {
      const { code, stderr } = await command(args, elsewhere);
      expect(code).toBe(2);
      expect(stderr).toContain('is running at s3://test-bucket/placed/');
    }
    const { client } = engine.stack.temporal;
    const result = await client.workflow.getHandle(batchWorkflowId('placed' as BatchId)).result();
    expect(result).toMatchObject({ end: 'completed' });
    // The batch has ended: its id is free at the other place.
    expect(await command(['status', 'placed'], elsewhere)).toMatchObject({ code: 2 });
    expect(await command(['submit', 'two.csv', '--id', 'placed'], elsewhere)).toMatchObject({ code: 0 });
  });
});
