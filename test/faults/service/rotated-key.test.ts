import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import type { BatchLocation } from '../../../src/storage/layout.js';
import type { runBatch } from '../../../src/workflows/index.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { eventually } from '../../support/eventually.js';
import { historyText } from '../../support/batches/history-text.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';
import { untilHeld } from '../../support/batches/until-held.js';

const newKey = (): string => `bh_live_${randomBytes(24).toString('hex')}`;
const FOREIGN = newKey();
const ROWS = 10;

describe('an API key that is replaced in its file during a batch', { timeout: 400_000 }, () => {
  let engine: TestEngine;
  let file: string;
  const used: string[] = [FOREIGN];
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 3_000, max: 5_000 } } });
    file = path.join(engine.folder.path, 'key');
    // Two workers, only one of which checks at a time whether the hold can end.
    await give(await accept(newKey()));
    const variables = { BANANAHUB_API_KEY: '', BANANAHUB_API_KEY_FILE: file };
    await Promise.all([engine.startWorker({ variables }), engine.startWorker({ variables })]);
  });
  afterAll(() => engine?.stop());

  /** From now on the sandbox accepts only this key, and a foreign account's. */
  async function accept(key: string): Promise<string> {
    used.push(key);
    engine.sandbox.configure({ keys: [key, { key: FOREIGN, account: 'another' }] });
    return key;
  }
  const give = (key: string): Promise<void> => writeFile(file, `${key}\n`);

  async function submit(name: string): Promise<BatchLocation> {
    const lines = Array.from({ length: ROWS }, (_, at) => `${name} ${at}`);
    await writeFile(path.join(engine.folder.path, `${name}.csv`), ['prompt', ...lines, ''].join('\n'));
    const submitted = await runInProcess(['submit', `${name}.csv`, '--concurrency', '3'], {
      cwd: engine.folder.path,
      variables: { ...engine.variables, BANANAHUB_API_KEY: '', BANANAHUB_API_KEY_FILE: file },
    });
    expect(submitted).toMatchObject({ code: 0 });
    return { bucket: engine.stack.s3.bucket, root: `${name}/`, batchId: name as BatchId };
  }

  const handleOf = ({ batchId }: BatchLocation) =>
    engine.stack.temporal.client.workflow.getHandle<typeof runBatch>(`batch:${batchId}`);

  /** Every row is stored once, from one job, although no worker was restarted. */
  async function expectComplete(location: BatchLocation, jobsBefore: number): Promise<void> {
    expect(await handleOf(location).result()).toMatchObject({
      end: 'completed',
      tally: { stored: ROWS, total: ROWS },
    });
    expect(engine.sandbox.stats().jobsMade - jobsBefore).toBe(ROWS);
    const { outcomes } = await readEvidence(engine.stack.s3.store, location);
    const jobs = outcomes.flatMap(({ generations }) => generations.map(({ jobId }) => jobId));
    expect(new Set(jobs).size).toBe(ROWS);
    expect(jobs).toHaveLength(ROWS);
    const ended = Promise.race(engine.workers.map((worker) => worker.ended.then(() => 'ended')));
    expect(await Promise.race([ended, Promise.resolve('running')])).toBe('running');
  }

  it('ends the hold by itself, and every row is stored once', async () => {
    const before = engine.sandbox.stats().jobsMade;
    const location = await submit('rotated');
    await eventually(() => engine.sandbox.stats().jobsMade - before >= 4, {
      what: 'four jobs are made',
      withinMs: 60_000,
    });
    const key = await accept(newKey());
    await untilHeld(handleOf(location), 'account', 60_000);
    await give(key);
    await expectComplete(location, before);
  });

  it('of another account buys nothing, and the batch continues with the right key', async () => {
    const before = engine.sandbox.stats().jobsMade;
    const location = await submit('foreign');
    await eventually(() => engine.sandbox.stats().jobsMade - before >= 4, {
      what: 'four jobs are made',
      withinMs: 60_000,
    });
    await give(FOREIGN);
    const key = await accept(newKey());
    await eventually(
      async () => JSON.stringify(await engine.statusOf('foreign')).includes('belongs to account'),
      {
        what: 'the batch is held for the other account',
        withinMs: 120_000,
      },
    );
    const bought = engine.sandbox.stats().jobsMade;
    const lookedAt = (await engine.statusOf('foreign')).holds[0]?.nextProbeAt;
    await eventually(
      async () => {
        const { nextProbeAt } = (await engine.statusOf('foreign')).holds[0] ?? {};
        return nextProbeAt !== undefined && nextProbeAt !== lookedAt;
      },
      { what: 'it was checked again', withinMs: 120_000 },
    );
    expect(engine.sandbox.stats().jobsMade).toBe(bought);
    await give(key);
    await expectComplete(location, before);
  });

  it('does not appear in logs, histories or the bucket', async () => {
    const kept: [string, string][] = [];
    for (const worker of engine.workers) {
      const { stdout, stderr } = worker.output();
      kept.push(['log', stdout + stderr]);
    }
    const { client } = engine.stack.temporal;
    for await (const { workflowId, runId, memo } of client.workflow.list()) {
      const history = await historyText(client.workflow.getHandle(workflowId, runId));
      kept.push([workflowId, history + JSON.stringify(memo)]);
    }
    const { folder } = engine.stack.s3;
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      kept.push([entry.name, await readFile(path.join(entry.parentPath, entry.name), 'latin1')]);
    }
    expect(kept.map(([place]) => place)).toEqual(
      expect.arrayContaining(['log', 'batch:rotated', 'batch:foreign', 'report.json']),
    );
    expect(used).toHaveLength(4);
    const parts = used.map((key) => key.slice(8, 28));
    const found = kept.filter(([, text]) => parts.some((part) => text.includes(part)));
    expect(found.map(([place]) => place)).toEqual([]);
  });
});
