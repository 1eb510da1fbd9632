import { QUICK_LIMITS } from '../../support/commands/quick-limits.js';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { doctor } from '../../../src/cli/doctor/doctor.js';
import { failures } from '../../../src/cli/results/failures.js';
import { list } from '../../../src/cli/watch/list.js';
import { pause } from '../../../src/cli/control/pause.js';
import { results } from '../../../src/cli/results/results.js';
import { resume } from '../../../src/cli/control/resume.js';
import { row } from '../../../src/cli/batch/row.js';
import type { Config } from '../../../src/config.js';
import { parseBatchId } from '../../../src/domain/rows/ids.js';
import { startSandbox, type RunningSandbox } from '../../../src/local/sandbox/index.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { checkSheet } from '../../../src/plan/rows/check-sheet.js';
import { planSubmission } from '../../../src/plan/plan-submission.js';
import { localSheet } from '../../../src/sheet/fetch/sheet-file.js';
import { startRun } from '../../../src/plan/start-run.js';
import type { RunningWorker } from '../../../src/activities/worker/process/run-workers.js';
import { startWorker } from '../../../src/worker.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import { performCommand } from '../../support/commands/command-run.js';
import { eventually } from '../../support/eventually.js';
import { s3Error, startOddStore } from '../../support/services/odd-store.js';
import { startScriptedServer } from '../../support/services/scripted-server.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { startTestStack, type TestStack } from '../../support/stack/test-stack.js';
import { bucketConfig, temporalConfig } from '../../support/stack/server-config.js';

const API_KEY = 'a-key-that-nobody-may-see';

const SHEET = `id,prompt,aspect_ratio,shelf
good-1,a yellow banana,1:1,a
good-2,a green banana,16:9,"b, upper"
good-3,a blue banana,1:1,c
good-4,a red banana,1:1,d
refused-1,a bad banana [[refuse]],1:1,e
flaky-1,a shy banana [[flaky]],1:1,"f ""quoted"""
unknown-1,an odd banana [[unknown-failure]],1:1,g
invalid-1,no banana [[invalid]],1:1,h
crooked-1,a crooked banana,1:7,i
`;

const Listed = z.object({
  temporalAnswered: z.boolean(),
  batches: z.array(
    z.looseObject({
      batchId: z.string(),
      state: z.string(),
      stored: z.int(),
      failed: z.int(),
      total: z.int(),
    }),
  ),
});
const Failures = z.object({
  sealed: z.boolean(),
  total: z.int(),
  byKind: z.record(z.string(), z.int()),
  rows: z.array(z.looseObject({ rowId: z.string(), kind: z.string(), line: z.int() })),
});
const Story = z.looseObject({
  phase: z.string(),
  jobId: z.string().optional(),
  failure: z.object({ kind: z.string(), message: z.string() }).optional(),
  generations: z.array(z.looseObject({ generation: z.int(), end: z.string() })),
  image: z
    .looseObject({ location: z.string(), sha256: z.string(), sizeBytes: z.int(), present: z.boolean() })
    .optional(),
});

describe('commands that show batches', () => {
  let stack: TestStack;
  let sandbox: RunningSandbox;
  let folder: TemporaryFolder;
  let worker: RunningWorker | undefined;
  let config: Config;
  let withoutTemporal: Config;

  beforeAll(async () => {
    [stack, sandbox, folder] = await Promise.all([
      startTestStack(),
      startSandbox({ keys: [API_KEY], jobTimeMs: { min: 100, max: 300 } }),
      temporaryFolder(),
    ]);
    config = {
      temporal: temporalConfig(stack.temporal),
      bucket: bucketConfig(stack.s3, 'team/'),
      api: { origin: 'environment', baseUrl: sandbox.apiUrl, apiKey: API_KEY },
      allowPrivateAddresses: false,
      taskQueue: 'test',
      prices: undefined,
      webhooks: undefined,
      notices: undefined,
      problems: new Map(),
    };
    const closed = await startScriptedServer();
    await closed.close();
    const nowhere = new URL(closed.origin).host;
    withoutTemporal = {
      ...config,
      temporal: temporalConfig({ address: nowhere, namespace: stack.temporal.namespace }),
    };
  });
  afterAll(async () => {
    await worker?.stop();
    await sandbox?.close();
    await stack?.stop();
    await folder?.remove();
  });

  async function submit(id: string, text: string): Promise<void> {
    const batchId = parseBatchId(id);
    if (!batchId) throw new Error(`"${id}" is not a batch id.`);
    const file = path.join(folder.path, `${id}.csv`);
    await writeFile(file, text);
    const sheet = await localSheet(file, { name: `${id}.csv` });
    const location = { bucket: stack.s3.bucket, root: `team/${batchId}/`, batchId };
    const sheetSettings = SheetSettings.parse({});
    const { store } = stack.s3;
    const { client } = stack.temporal;
    const checked = await checkSheet(sheet, { sheetSettings });
    const { runSeq } = await planSubmission(store, location, checked);
    const settings = {
      concurrency: 10,
      maxGenerations: 1,
      graceMs: 1000,
      idempotencyHorizonMs: 86_400_000,
      probeFirstMs: 500,
      probeLongestMs: 2000,
    };
    await startRun({
      client,
      store,
      taskQueue: 'test',
      location,
      runSeq,
      sheet,
      sheetSettings,
      rows: 9,
      settings,
      service: config.api && new URL(config.api.baseUrl).origin,
    });
  }

  async function startWorking(): Promise<void> {
    const { temporal, bucket, api, taskQueue } = config;
    if (!temporal || !bucket || !api) throw new Error('The test configures all parts.');
    worker = await startWorker({
      temporal,
      bucket,
      api,
      taskQueue,
      log: pino({ level: 'silent' }),
      limits: QUICK_LIMITS,
    });
  }

  async function ended(id: string): Promise<void> {
    const batchId = parseBatchId(id);
    if (batchId) await stack.temporal.client.workflow.getHandle(batchWorkflowId(batchId)).result();
  }

  async function listed(from: Config = config) {
    const { code, stdout, stderr } = await performCommand(list, { json: true }, { config: from });
    expect(code).toBe(0);
    const { batches, temporalAnswered } = Listed.parse(JSON.parse(stdout));
    return {
      batches,
      temporalAnswered,
      stderr,
      find: (id: string) => batches.find(({ batchId }) => batchId === id),
    };
  }

  async function failed(id: string) {
    const { code, stdout } = await performCommand(failures, { id, json: true, csv: false }, { config });
    expect(code).toBe(0);
    return Failures.parse(JSON.parse(stdout));
  }

  async function story(id: string, rowId: string) {
    const { stdout } = await performCommand(row, { id, rowId, json: true }, { config });
    return Story.parse(JSON.parse(stdout));
  }

  function csvOf(id: string) {
    return performCommand(failures, { id, json: false, csv: true }, { config });
  }

  function textAt(key: string): Promise<string> {
    return stack.s3.store.readText({ bucket: stack.s3.bucket, key });
  }

  describe('before anything has run', () => {
    it('list is empty and says how to start', async () => {
      const { code, stdout, stderr } = await performCommand(list, { json: false }, { config });
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
      expect(stderr).toContain('banana-batch submit');
    });

    it('status refuses an unknown batch with the command that lists batches', async () => {
      await expect(csvOf('nowhere')).rejects.toThrow(/no batch "nowhere".*banana-batch list/);
    });

    it('doctor warns that no worker is running, and leaves the bucket unchanged', async () => {
      const { code, stdout } = await performCommand(doctor, { json: false }, { config });
      expect(code).toBe(0);
      expect(stdout).toMatch(/^warning +workers .*"test".*\n +→ .*banana-batch worker/m);
      expect(stdout).toMatch(/^ok +bucket put if absent/m);
      expect(stdout).toMatch(/^ok +bucket copy/m);
      expect(stdout).toMatch(/^ok +bucket checksum/m);
      const left: string[] = [];
      for await (const { key } of stack.s3.store.list(stack.s3.bucket, '')) left.push(key);
      expect(left).toEqual([]);
    });

    it('doctor warns of a store that cannot copy as requested, and leaves nothing behind', async () => {
      const { temporal: _, ...rest } = config;
      const odd = await startOddStore(stack.s3.endpoint);
      odd.setOddity({
        answer: ({ headers }) =>
          headers['x-amz-copy-source'] === undefined ? undefined : s3Error(501, 'NotImplemented'),
      });
      try {
        const bucket = bucketConfig({ ...stack.s3, endpoint: odd.endpoint });
        const { stdout } = await performCommand(doctor, { json: false }, { config: { ...rest, bucket } });
        expect(stdout).toMatch(/^warning +bucket copy .*refuses copies.*\n +→ .*downloaded and uploaded/m);
        expect(stdout).toMatch(/^ok +bucket presigned get/m);
      } finally {
        await odd.close();
      }
      const left: string[] = [];
      for await (const { key } of stack.s3.store.list(stack.s3.bucket, '')) left.push(key);
      expect(left).toEqual([]);
    });

    it('list shows a batch that no worker has started', async () => {
      await submit('fruit', SHEET);
      const found = await eventually(async () => (await listed()).find('fruit'), {
        what: 'the batch is listed',
      });
      expect(found).toMatchObject({ state: 'preparing', reason: expect.stringContaining('worker') });
      expect((await failed('fruit')).total).toBe(0);
      await expect(story('fruit', 'good-1')).rejects.toThrow(/being prepared/);
    });
  });

  describe('once batches have run', () => {
    beforeAll(async () => {
      await startWorking();
      await ended('fruit');
      await submit('patience', 'id,prompt\nlong-1,a banana that ripens [[stuck]]\n');
    });

    it('doctor finds nothing to fix and shows no secret', async () => {
      const { code, stdout } = await performCommand(doctor, { json: true }, { config });
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ ok: true });
      expect(stdout).not.toContain(API_KEY);
      expect(stdout).not.toContain(stack.s3.secretAccessKey);
    });

    it('list shows each batch with its counts, newest first', async () => {
      const { batches } = await eventually(
        async () => {
          const now = await listed();
          return now.find('patience')?.state === 'running' && now.find('fruit')?.state === 'completed' && now;
        },
        { what: 'both batches are listed as they are' },
      );
      expect(batches.map(({ batchId }) => batchId)).toEqual(['patience', 'fruit']);
      expect(batches[1]).toMatchObject({ stored: 4, failed: 4, rejected: 1, total: 9, runSeq: 1 });
      const { stdout, stderr } = await performCommand(
        list,
        { json: false, limit: 1 },
        { config, columns: 100, environment: { NO_COLOR: '1' } },
      );
      expect(stdout).toMatch(/^BATCH .*\npatience +running +0\/1 /);
      expect(stderr).toContain('1 older not shown');
    });

    it('commands use the bucket if Temporal does not answer', async () => {
      const { find, temporalAnswered, stderr } = await listed(withoutTemporal);
      expect(temporalAnswered).toBe(false);
      expect(stderr).toContain('does not answer');
      expect(find('fruit')).toMatchObject({ state: 'completed', stored: 4, failed: 4, total: 9 });
      expect(find('patience')).toMatchObject({ state: 'unknown' });
    });

    it('failures lists kinds, and with --csv prints the final failures.csv', async () => {
      const { sealed, total, byKind, rows } = await failed('fruit');
      expect({ sealed, total }).toEqual({ sealed: true, total: 4 });
      expect(byKind).toMatchObject({ refused: 1, invalid: 1 });
      expect(rows).toContainEqual(
        expect.objectContaining({ rowId: 'flaky-1', kind: 'flaky', line: 7, generations: 1 }),
      );
      const { stdout } = await csvOf('fruit');
      expect(stdout).toBe(await textAt('team/fruit/failures.csv'));
    });

    it('failures shows at most --limit rows, and the total', async () => {
      const { stdout, stderr } = await performCommand(
        failures,
        { id: 'fruit', json: false, csv: false, limit: 1 },
        { config, columns: 80 },
      );
      expect(stdout).toContain('refused-1');
      expect(stdout).not.toContain('flaky-1');
      expect(stdout).toMatch(/\n4 rows without an image: .*3 more are not listed/);
      expect(stderr).toContain('1 more were rejected');
    });

    it('row shows where a stored image is', async () => {
      const { phase, image, generations } = await story('fruit', 'good-2');
      expect(phase).toBe('stored');
      expect(image).toMatchObject({
        present: true,
        location: expect.stringMatching(/team\/fruit\/images\/train\/good-2\.png$/),
      });
      expect(await textAt('team/fruit/images/train/metadata.jsonl')).toContain(image?.sha256);
      expect(generations).toMatchObject([{ generation: 1, end: 'done', charged: 'yes' }]);
    });

    it('row shows the job of a row in flight', async () => {
      const waiting = await eventually(
        async () => {
          const now = await story('patience', 'long-1');
          return now.jobId !== undefined && now;
        },
        { what: 'the row has a job' },
      );
      expect(waiting).toMatchObject({ phase: 'inFlight', generations: [] });
      expect(sandbox.jobs().map(({ jobId }) => jobId)).toContain(waiting.jobId);
    });

    it('results prints the final file, and reports that a batch is paused', async () => {
      const resultsOf = (id: string) =>
        performCommand(results, { id, overwrite: false, json: false }, { config });
      expect((await resultsOf('fruit')).stdout).toBe(await textAt('team/fruit/results.csv'));
      await performCommand(pause, { id: 'patience', json: false }, { config });
      await eventually(async () => /Batch "patience" is paused/.test((await resultsOf('patience')).stderr), {
        what: 'the results say that the batch is paused',
      });
      expect((await resultsOf('patience')).stdout).toContain(',long-1,pending,The row is not finished yet.,');
      await performCommand(resume, { id: 'patience', rebind: false, json: false }, { config });
    });

    it('row reports a deleted image as missing', async () => {
      await stack.s3.store.delete({ bucket: stack.s3.bucket, key: 'team/fruit/images/train/good-4.png' });
      expect((await story('fruit', 'good-4')).image).toMatchObject({ present: false });
    });

    it('row refuses an unknown row and suggests similar ones', async () => {
      await expect(story('fruit', 'good')).rejects.toThrow(
        /no row "good"\. Did you mean "good-1" or "good-2" or "good-3"\?/,
      );
    });
  });

  describe('once a batch has run again', () => {
    beforeAll(async () => {
      await submit('fruit', SHEET);
      await ended('fruit');
    });

    it('row shows the history of a row over all runs', async () => {
      const { phase, generations } = await story('fruit', 'flaky-1');
      expect(phase).toBe('stored');
      expect(generations).toMatchObject([
        { generation: 1, end: 'failed' },
        { generation: 2, end: 'done' },
      ]);
    });

    it('row shows the failure of a row that the last run left unchanged', async () => {
      const { phase, failure, generations } = await story('fruit', 'refused-1');
      expect({ phase, kind: failure?.kind }).toEqual({ phase: 'failed', kind: 'refused' });
      expect(generations).toMatchObject([{ generation: 1 }]);
      const { stdout } = await performCommand(
        row,
        { id: 'fruit', rowId: 'refused-1', json: false },
        { config },
      );
      expect(stdout).toMatch(/^why +refused: .+$/m);
    });

    it('failures of an unfinished run are the same as those of its final report', async () => {
      const sealed = await csvOf('fruit');
      await stack.s3.store.delete({ bucket: stack.s3.bucket, key: 'team/fruit/report.json' });
      const recorded = await csvOf('fruit');
      expect(recorded.stdout.split('\n').toSorted()).toEqual(sealed.stdout.split('\n').toSorted());
      expect(recorded.stderr).toContain('not finished');
    });
  });
});
