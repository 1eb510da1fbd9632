import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BatchStatus } from '../../../src/status/status-document.js';
import { expectCorrect, jobIdsOf } from '../../support/batches/batch-verdict.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import {
  runCommand,
  startCommand,
  type CommandResult,
  type RunningCommand,
} from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const KEYS = [
  { key: 'old-key', account: 'ours' },
  { key: 'new-key', account: 'ours' },
  { key: 'foreign-key', account: 'theirs' },
];
const ROWS = 12;

describe('control commands', { timeout: 240_000 }, () => {
  let engine: TestEngine;
  let otherJobs: ReadonlySet<string> = new Set();
  let worker: RunningCommand | undefined;
  let workersKey: string | undefined;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 1_000, max: 1_500 } } });
    engine.sandbox.configure({ keys: KEYS });
    const rows = Array.from({ length: ROWS }, (_, row) => `fox ${row}`);
    await writeFile(path.join(engine.folder.path, 'foxes.csv'), `prompt\n${rows.join('\n')}\n`);
  });
  beforeEach(() => {
    engine.sandbox.configure({ jobTimeMs: { min: 1_000, max: 1_500 } });
    otherJobs = jobIdsOf(engine.sandbox);
  });
  afterAll(() => engine?.stop());

  const command = (args: readonly string[], key = 'old-key'): Promise<CommandResult> =>
    runInProcess(args, {
      cwd: engine.folder.path,
      variables: { ...engine.variables, BANANAHUB_API_KEY: key },
    });
  const endWorker = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await worker?.end(signal);
    worker = undefined;
  };
  /** Keeps a running worker that already has the key. */
  const workWith = async (key: string): Promise<void> => {
    if (worker && workersKey === key) return;
    await endWorker('SIGTERM');
    worker = await engine.startWorker({ variables: { BANANAHUB_API_KEY: key } });
    workersKey = key;
  };
  const status = async (id: string) => JSON.parse((await command(['status', id, '--json'])).stdout);
  const until = (id: string, what: string, holds: (found: BatchStatus) => boolean) =>
    eventually(async () => holds(await engine.statusOf(id)), { what: `${id} ${what}`, withinMs: 60_000 });

  it('pause, set and resume a batch and report the effect', async () => {
    // The batch must still be running while commands start.
    engine.sandbox.configure({ jobTimeMs: { min: 6_000, max: 8_000 } });
    await workWith('old-key');
    await command(['submit', 'foxes.csv', '--id', 'told', '--concurrency', '1']);
    await until('told', 'has a job', ({ inFlight }) => inFlight > 0);
    const paused = await command(['pause', 'told', '--json']);
    expect(paused).toMatchObject({ code: 0, stderr: expect.stringContaining('banana-batch resume told') });
    expect(JSON.parse(paused.stdout)).toEqual({ batchId: 'told', paused: true, applied: true });
    await until('told', 'is drained', ({ inFlight, copying }) => inFlight === 0 && copying === 0);
    const shown = await status('told');
    expect(shown).toMatchObject({ state: 'paused', paused: true });
    expect(shown.reason).toContain('banana-batch resume told');
    expect(await command(['set', 'told', '--concurrency', '8'])).toMatchObject({ code: 0 });
    expect(await status('told')).toMatchObject({ concurrency: 8 });
    expect(await command(['set', 'told'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('give --concurrency'),
    });
    engine.sandbox.configure({ jobTimeMs: { min: 1_000, max: 1_500 } });
    expect(await command(['resume', 'told'])).toMatchObject({ code: 0 });
    await until('told', 'is complete', ({ state }) => state === 'completed');
    await expectCorrect(engine, { batchId: 'told', rows: ROWS, otherJobs });
    const refusals = await Promise.all(
      [
        ['pause', 'told'],
        ['resume', 'told'],
        ['cancel', 'told'],
        ['set', 'told', '--concurrency', '1'],
      ].map((args) => command(args)),
    );
    for (const refused of refusals) {
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('has already ended') });
      // Every row has its image.
      expect(refused.stderr).not.toContain('retry');
    }
  });

  it('report that no worker is running, and that a batch continues with another worker', async () => {
    const { path: cwd } = engine.folder;
    const nobody = { ...engine.variables, BANANAHUB_API_KEY: 'old-key', BANANA_TASK_QUEUE: 'nobody' };
    const unworked = await runInProcess(['submit', 'foxes.csv', '--id', 'unworked'], {
      cwd,
      variables: nobody,
    });
    expect(unworked).toMatchObject({ code: 0, stderr: expect.stringContaining('No worker is running') });
    await workWith('old-key');
    const variables = { ...engine.variables, BANANAHUB_API_KEY: 'old-key' };
    const run = await startCommand(['run', 'foxes.csv', '--id', 'left', '--yes', '--concurrency', '4'], {
      cwd,
      variables,
      // Shown at once, although this is no terminal.
      ready: 'left running',
    });
    expect(await run.end('SIGINT')).toBe(130);
    expect(run.output().stderr).toContain('Detached. "left" continues.');
    const watched = await command(['status', 'left', '--watch']);
    expect(watched).toMatchObject({ code: 0, stderr: expect.stringMatching(/^left completed .*12\/12/m) });
    await expectCorrect(engine, { batchId: 'left', rows: ROWS, otherJobs });
  });

  it('notice at once that the only worker was killed, although Temporal still lists it', async () => {
    await workWith('old-key');
    expect((await command(['doctor'])).stdout).toMatch(/^ok +workers/m);
    await endWorker('SIGKILL');
    const { stdout } = await command(['doctor']);
    expect(stdout).toMatch(/^warning +workers +No worker polls/m);
    expect(stdout).not.toContain('Everything works.');
  });

  it('compute the speed without the time of a pause', async () => {
    await workWith('old-key');
    await command(['submit', 'foxes.csv', '--id', 'paced', '--concurrency', '1']);
    await until('paced', 'has stored some', ({ stored }) => stored >= 3);
    await command(['pause', 'paced']);
    await until(
      'paced',
      'is quiet',
      ({ state, inFlight, copying }) => state === 'paused' && inFlight + copying === 0,
    );
    const before = await status('paced');
    await eventually(() => Date.now() > Date.parse(before.asOf) + 15_000, {
      what: 'it is paused for long',
      withinMs: 30_000,
    });
    await command(['resume', 'paced']);
    await until('paced', 'runs', ({ state }) => state === 'running');
    const after = await status('paced');
    expect(after.imagesPerMinute).toBeGreaterThan(before.imagesPerMinute * 0.7);
    await until('paced', 'is complete', ({ state }) => state === 'completed');
  });

  it('pause a batch without a worker before anything is bought', async () => {
    await endWorker('SIGTERM');
    await command(['submit', 'foxes.csv', '--id', 'asleep']);
    const paused = await command(['pause', 'asleep']);
    expect(paused).toMatchObject({ code: 0, stderr: expect.stringContaining('when a worker runs') });
    await workWith('old-key');
    await until('asleep', 'is paused', ({ state }) => state === 'paused');
    expect(jobIdsOf(engine.sandbox).size).toBe(otherJobs.size);
    expect(await command(['resume', 'asleep'])).toMatchObject({ code: 0 });
    await until('asleep', 'is complete', ({ state }) => state === 'completed');
    await expectCorrect(engine, { batchId: 'asleep', rows: ROWS, otherJobs });
  });

  it('set and show the rate of all workers, and refuse an invalid rate', async () => {
    const rates = async (...args: string[]) =>
      JSON.parse((await command(['rate', ...args, '--json'])).stdout);
    const none = { creates: null, polls: null, taskQueue: engine.taskQueue };
    expect(await rates()).toEqual(none);
    const set = await rates('180/m', '--polls', '2/s');
    expect(set).toMatchObject({ creates: { perSecond: 3, rate: '3/s' }, polls: { rate: '2/s' } });
    expect((await command(['rate'])).stdout).toContain('Creates: 3/s. Polls: 2/s.');
    expect((await command(['doctor'])).stdout).toContain('creates 3/s, polls 2/s');
    for (const wrong of [['0/s'], ['-5/s'], ['fast'], ['--polls', '10']]) {
      const refused = await command(['rate', ...wrong]);
      expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('rate --help') });
    }
    expect(await rates('off')).toMatchObject({ creates: null, polls: set.polls });

    // A running one learns of a rate some seconds later.
    await endWorker('SIGTERM');
    await workWith('old-key');
    await command(['submit', 'foxes.csv', '--id', 'polled']);
    await until('polled', 'has ended', ({ state }) => state === 'completed');
    const verdict = await expectCorrect(engine, { batchId: 'polled', rows: ROWS, otherJobs });
    expect(verdict.jobs).toBe(ROWS);
    const noticedMs = engine.sandbox
      .jobs()
      .filter(({ jobId }) => !otherJobs.has(jobId))
      .map(({ finishedAt, noticedAfterMs = 0 }) => finishedAt + noticedAfterMs);
    // All jobs had ended before the first poll: from then on there were two checks a second.
    expect(Math.max(...noticedMs) - Math.min(...noticedMs)).toBeGreaterThan((ROWS / 2 - 1.5) * 1_000);
    expect(await rates('--polls', 'off')).toEqual(none);
  });

  it('leave a canary that waits without a worker, and continue it on request', async () => {
    await endWorker('SIGKILL');
    // Runs the batch itself, and there is no person to ask.
    const ran = await runCommand(['run', 'foxes.csv', '--id', 'canary', '--canary', '3'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, BANANAHUB_API_KEY: 'old-key' },
    });
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('3 of 12 rows first, then the batch waits for "resume"');
    expect(ran.stderr).toMatch(/^Page +s3:.*\/canary\/runs\/0001\/canary\.html$/m);
    expect(ran.stderr).toMatch(
      /"canary" is waiting; .*banana-batch resume canary, .*banana-batch cancel canary$/m,
    );
    const waiting = JSON.parse((await command(['status', 'canary', '--json'])).stdout);
    expect(waiting).toMatchObject({ state: 'paused', pauses: [{ kind: 'canary' }], stored: 3, pending: 9 });
    expect(waiting.reason).toContain('Canary: 3 of 3 images made.');
    expect((await command(['list'])).stdout).toMatch(/^canary +paused +3\/12 /m);
    await workWith('old-key');
    expect(jobIdsOf(engine.sandbox).size - otherJobs.size).toBe(3);
    expect(await command(['resume', 'canary'])).toMatchObject({ code: 0 });
    await until('canary', 'is complete', ({ state }) => state === 'completed');
    const { jobs } = await expectCorrect(engine, { batchId: 'canary', rows: ROWS, otherJobs });
    expect(jobs).toBe(ROWS);
  });

  it('accept a new key of the batch’s account, and refuse a key of another account', async () => {
    // It must not end before its key does.
    engine.sandbox.configure({ jobTimeMs: { min: 6_000, max: 8_000 } });
    await workWith('old-key');
    await command(['submit', 'foxes.csv', '--id', 'rotated', '--concurrency', '4']);
    await until('rotated', 'has a job', ({ inFlight }) => inFlight > 0);
    engine.sandbox.configure({ keyRevoked: ['old-key'], jobTimeMs: { min: 1_000, max: 1_500 } });
    await until('rotated', 'is held', ({ state }) => state === 'held');
    await workWith('foreign-key');
    await until('rotated', 'sees the foreign key', ({ reason }) =>
      String(reason).includes('belongs to account'),
    );
    const refused = await command(['resume', 'rotated', '--rebind']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('knows none of the batch') });
    await workWith('new-key');
    expect(await command(['resume', 'rotated', '--rebind'], 'new-key')).toMatchObject({ code: 0 });
    await until('rotated', 'is complete', ({ state }) => state === 'completed');
    engine.sandbox.configure({ keyRevoked: false });
    await expectCorrect(engine, { batchId: 'rotated', rows: ROWS, otherJobs });
  });
});
