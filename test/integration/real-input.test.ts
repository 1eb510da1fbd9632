import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchId } from '../../src/domain/rows/ids.js';
import { shardLength } from '../../src/domain/batch/window.js';
import { batchWorkflowId } from '../../src/workflows/protocol/names.js';
import { countHistoryEvents } from '../support/batches/batch-evidence.js';
import { expectCorrect } from '../support/batches/batch-verdict.js';
import { runCommand, startCommand, type RunningCommand } from '../support/commands/command-line.js';
import { eventually } from '../support/eventually.js';
import { isAvailable } from '../support/setup/required.js';
import { RARE_429S } from '../support/services/rare-429s.js';
import { startTestEngine, type TestEngine } from '../support/stack/test-engine.js';

/** 1,632 real prompts with labels; the file exists only in the development environment. */
const PARTI_PROMPTS = path.resolve(import.meta.dirname, '../../../shared/data/PartiPrompts.tsv');
const SHORT_LIMITS_WORKER = path.resolve(import.meta.dirname, '../../chaos/short-limits-worker.mjs');
const ROWS = 1632;
const SHARDS = Math.ceil(ROWS / shardLength(ROWS));
const python = process.env['BANANA_TEST_PYTHON'];

async function sheetIn(folder: string): Promise<string> {
  if (existsSync(PARTI_PROMPTS)) return PARTI_PROMPTS;
  const lines = Array.from({ length: ROWS }, (_, row) => {
    const subject = ['a test pattern', 'a train in a tunnel', 'a fox, "quick" and brown', 'ein Käfer'][
      row % 4
    ];
    return `${subject}, number ${row}\tkind ${row % 7}\tBasic\t`;
  });
  const file = path.join(folder, 'prompts.tsv');
  await writeFile(file, `Prompt\tCategory\tChallenge\tNote\n${lines.join('\n')}\n`);
  return file;
}

describe('1,632 real prompts with every observed misbehaviour at a few per cent', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({
      sandbox: {
        seed: 'real-input',
        jobTimeMs: { min: 2000, max: 2000 },
        everything: 0.03,
        rates: RARE_429S,
      },
    });
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
    await engine?.stop();
  });

  const workers: RunningCommand[] = [];
  /** A worker that considers a missing job lost after seconds instead of ten minutes. */
  async function startWorker(): Promise<RunningCommand> {
    const worker = await startCommand([], {
      cwd: engine.folder.path,
      variables: {
        ...engine.variables,
        CHAOS_LIMITS: JSON.stringify({ goneAfterLooks: 4, goneAfterMs: 5_000 }),
      },
      program: SHORT_LIMITS_WORKER,
      ready: 'The worker is ready.',
    });
    workers.push(worker);
    return worker;
  }

  async function submit(batchId: string): Promise<void> {
    const sheet = await sheetIn(engine.folder.path);
    const submitted = await runCommand(
      ['submit', sheet, '--id', batchId, '--map', 'prompt=Prompt', '--concurrency', '100', '--yes'],
      { cwd: engine.folder.path, variables: engine.variables },
    );
    expect(submitted).toMatchObject({ code: 0 });
  }

  async function expectEverythingAccountedFor(
    batchId: BatchId,
    otherJobs: ReadonlySet<string>,
  ): Promise<void> {
    const { outcomes, metadata } = await expectCorrect(engine, {
      batchId,
      rows: ROWS,
      otherJobs,
      // The killed worker was the only one that knew of a 429 it had just received.
      mayRetryEarly: true,
    });
    const stored = outcomes.filter(({ end }) => end.kind === 'stored');
    const failed = outcomes.filter(({ end }) => end.kind === 'failed');
    expect(stored.length + failed.length).toBe(ROWS);
    // Misbehaviour of a few per cent must cost only a few rows.
    expect(stored.length).toBeGreaterThan(0.9 * ROWS);
    // Every failure comes from the sandbox: a refusal, or the maximum number of generations.
    const unexplained = failed.filter(
      ({ end, generations }) =>
        end.kind !== 'failed' ||
        !(end.failure === 'refused' || (end.failure === 'flaky' && generations.length >= 2)),
    );
    expect(unexplained).toEqual([]);
    expect(
      metadata.every(({ Category, Challenge }) => Category !== undefined && Challenge !== undefined),
    ).toBe(true);
  }

  it(
    'stores every row or fails it for the service’s reason, and pays each generation once, although its worker is killed',
    { timeout: 1_200_000 },
    async () => {
      const batchId = 'parti' as BatchId;
      const worker = await startWorker();
      const startedAtMs = performance.now();
      await submit(batchId);
      await eventually(() => engine.sandbox.stats().jobsMade > ROWS / 3, {
        what: 'a third of the jobs is made',
        withinMs: 600_000,
      });
      await worker.end('SIGKILL');
      await startWorker();
      const { client } = engine.stack.temporal;
      expect(await client.workflow.getHandle(batchWorkflowId(batchId)).result()).toMatchObject({
        end: 'completed',
      });
      const wallSeconds = (performance.now() - startedAtMs) / 1000;
      const events = await countHistoryEvents(client, batchId, { runSeq: 1, shardCount: SHARDS });
      const perImage = (events.parent + events.shards) / ROWS;
      process.stdout.write(
        `${wallSeconds.toFixed(1)} s for ${ROWS} rows with a killed worker (${((ROWS * 2) / 100).toFixed(1)} s = rows × job time ÷ concurrency); ` +
          `${perImage.toFixed(2)} history events an image; ${JSON.stringify(engine.sandbox.stats())}\n`,
      );
      await expectEverythingAccountedFor(batchId, new Set());
      // 13 without a killed worker; tasks that it had begun are repeated.
      expect(perImage).toBeLessThanOrEqual(15);
    },
  );

  it.runIf(isAvailable('Python with datasets (BANANA_TEST_PYTHON)', python !== undefined))(
    "is read by Hugging Face's imagefolder, image for image",
    { timeout: 120_000 },
    async () => {
      const { s3, temporal } = engine.stack;
      const { stored } = (
        await temporal.client.workflow.getHandle(batchWorkflowId('parti' as BatchId)).result()
      ).tally;
      const script = [
        'import sys, datasets',
        'data = datasets.load_dataset("imagefolder", data_dir=sys.argv[1], split="train")',
        'opened = sum(1 for row in data if row["image"].size[0] > 0 and row["prompt"] and "Category" in row)',
        'print(opened)',
      ].join('\n');
      const { stdout } = await promisify(execFile)(
        python ?? '',
        ['-c', script, path.join(s3.folder, s3.bucket, 'parti', 'images')],
        {
          env: {
            HOME: engine.folder.path,
            PATH: process.env['PATH'] ?? '',
            HF_HUB_OFFLINE: '1',
            HF_HOME: engine.folder.path,
          },
        },
      );
      expect(Number(stdout.trim().split('\n').at(-1))).toBe(stored);
    },
  );
});
