import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pMap from 'p-map';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCorrect } from '../../support/batches/batch-verdict.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { startCommand, type CommandResult } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const ROWS = 24;
/**
 * Three seconds until a bucket counts as unreachable, eight if it is needed, plus a loaded machine's time; commands
 * that hung took minutes.
 */
const WITHIN_MS = 15_000;
const AT_ONCE = 6;

/** A command, its exit code during an outage, and its output. */
interface Expected {
  readonly args: readonly string[];
  readonly code: number;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
}

/** Commands show and do what Temporal alone allows. */
const withoutBucket = (how: RegExp): readonly Expected[] => [
  { args: ['status', 'foxes'], code: 0, stdout: /^foxes .*\d+\/24/m, stderr: how },
  { args: ['status', 'foxes', '--json'], code: 0, stdout: /"total":24/, stderr: how },
  { args: ['list'], code: 0, stdout: /^foxes +\w+ +\d+\/24/m, stderr: how },
  { args: ['failures', 'foxes'], code: 2, stdout: /^\d+ rows without an image/, stderr: how },
  { args: ['failures', 'foxes', '--csv'], code: 2, stderr: how },
  { args: ['row', 'foxes', 'fox'], code: 2, stderr: how },
  { args: ['submit', 'foxes.csv', '--id', 'more'], code: 2, stderr: how },
  { args: ['retry', 'foxes'], code: 2, stderr: how },
  { args: ['verify', 'foxes'], code: 2, stderr: how },
  { args: ['export', 'foxes', '--format', 'parquet', '--to', 'x'], code: 2, stderr: how },
  { args: ['status', 'unknown'], code: 2, stderr: how },
];

/** One after another: each changes the batch. */
const controls = (how: RegExp): readonly Expected[] => [
  { args: ['pause', 'foxes'], code: 0, stderr: how },
  { args: ['set', 'foxes', '--concurrency', '3'], code: 0, stderr: how },
  { args: ['resume', 'foxes'], code: 0, stderr: how },
];

/** Commands that wait for a bucket that hangs. */
const WAITING: readonly (readonly string[])[] = [
  ['status', 'foxes', '--watch'],
  ['submit', 'foxes.csv', '--id', 'more'],
  ['failures', 'foxes', '--csv'],
  ['verify', 'foxes', '--deep'],
  ['retry', 'foxes'],
  ['doctor'],
];

describe('during an outage', { timeout: 400_000 }, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 1_000, max: 1_500 } } });
    const rows = Array.from({ length: ROWS }, (_, row) => `fox ${row}`);
    await writeFile(path.join(engine.folder.path, 'foxes.csv'), `prompt\n${rows.join('\n')}\n`);
    await engine.startWorker();
    await command(['submit', 'foxes.csv', '--concurrency', '2']);
    await eventually(async () => (await engine.statusOf('foxes')).stored > 1, {
      what: 'foxes are stored',
      withinMs: 60_000,
    });
  });
  afterAll(() => engine?.stop());

  const command = (args: readonly string[]): Promise<CommandResult> =>
    runInProcess(args, { cwd: engine.folder.path, variables: engine.variables });

  const expectOf = async ({ args, code, stdout, stderr }: Expected): Promise<void> => {
    const startedAt = performance.now();
    const result = await command(args);
    const tookMs = performance.now() - startedAt;
    const facts = { args, ...result, isInTime: tookMs < WITHIN_MS };
    expect(facts).toMatchObject({
      code,
      isInTime: true,
      ...(stdout && { stdout: expect.stringMatching(stdout) }),
      ...(stderr && { stderr: expect.stringMatching(stderr) }),
    });
    expect(facts.stderr).not.toMatch(/unforeseen|StartToClose|\n {4}at /);
  };

  /** Exits within a second of the first signal, plus this machine's load. */
  const expectEnds = async (args: readonly string[], signal: 'SIGINT' | 'SIGTERM'): Promise<void> => {
    const { folder, variables } = engine;
    const running = await startCommand(args, { cwd: folder.path, variables, ready: '' });
    await delay(4_000);
    const signalledAt = performance.now();
    await running.end(signal);
    const tookMs = performance.now() - signalledAt;
    expect({ args, tookMs: Math.min(tookMs, 4_000) }).toEqual({ args, tookMs });
  };

  it('a bucket that hangs is reported, Temporal’s data is shown, and commands stop at the first signal', async () => {
    engine.stack.s3.freeze();
    try {
      const silent = /[Bb]ucket s3:\/\/test-bucket at http:\/\/127\.0\.0\.1:\d+ does not answer/;
      await pMap(withoutBucket(silent), expectOf, { concurrency: AT_ONCE });
      for (const one of controls(silent)) await expectOf(one);
      await pMap(WAITING, (args, index) => expectEnds(args, index % 2 === 0 ? 'SIGINT' : 'SIGTERM'), {
        concurrency: AT_ONCE,
      });
    } finally {
      engine.stack.s3.thaw();
    }
  });

  it('a bucket that refuses connections is reported, and Temporal’s data is shown', async () => {
    await engine.stack.s3.kill();
    try {
      const refused =
        /Cannot reach bucket s3:\/\/test-bucket at http:\/\/127\.0\.0\.1:\d+: connection refused/;
      await pMap(withoutBucket(refused), expectOf, { concurrency: AT_ONCE });
      for (const one of controls(refused)) await expectOf(one);
    } finally {
      await engine.stack.s3.restart();
    }
    await eventually(async () => (await engine.statusOf('foxes')).state === 'completed', {
      what: 'foxes is complete',
      withinMs: 120_000,
    });
    await expectCorrect(engine, { batchId: 'foxes', rows: ROWS });
  });

  it('a Temporal that hangs is reported, and the bucket’s data is shown', async () => {
    const away = /Temporal at 127\.0\.0\.1:\d+ .*does not answer/;
    engine.stack.temporal.freeze();
    try {
      const expected: readonly Expected[] = [
        { args: ['status', 'foxes'], code: 0, stdout: /^foxes .*24\/24/m, stderr: away },
        { args: ['list'], code: 0, stdout: /^foxes +completed +24\/24/m, stderr: away },
        { args: ['failures', 'foxes'], code: 0 },
        { args: ['row', 'foxes', 'fox'], code: 2, stderr: /has no row/ },
        { args: ['verify', 'foxes'], code: 0 },
        { args: ['pause', 'foxes'], code: 2, stderr: away },
        { args: ['submit', 'foxes.csv', '--id', 'more'], code: 2, stderr: away },
      ];
      await pMap(expected, expectOf, { concurrency: AT_ONCE });
      await pMap(
        [
          ['pause', 'foxes'],
          ['status', 'foxes', '--watch'],
        ],
        (args) => expectEnds(args, 'SIGTERM'),
        {
          concurrency: AT_ONCE,
        },
      );
    } finally {
      engine.stack.temporal.thaw();
    }
  });
});
