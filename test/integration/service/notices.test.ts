import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pino from 'pino';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RunSettings } from '../../../src/domain/batch/run-settings.js';
import { logTemporalTo } from '../../../src/activities/worker/process/temporal-log.js';
import { readNotices } from '../../../src/status/notices/notice-config.js';
import type { RunningWorker } from '../../../src/activities/worker/process/run-workers.js';
import { startWorker } from '../../../src/worker.js';
import { cancelUpdate, setUpdate } from '../../../src/workflows/protocol/batch-messages.js';
import { noticeWorkflowId } from '../../../src/workflows/protocol/names.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { eventually } from '../../support/eventually.js';
import {
  startScriptedServer,
  type ScriptedServer,
  type SeenRequest,
} from '../../support/services/scripted-server.js';
import { startBatch, type BatchHandle } from '../../support/batches/start-batch.js';
import { QUICK_LIMITS } from '../../support/commands/quick-limits.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';
import { TEST_API_KEY } from '../../support/stack/test-services.js';
import { bucketConfig, temporalConfig } from '../../support/stack/server-config.js';

const secretOf = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const [NEW_SECRET, OLD_SECRET] = [secretOf(), secretOf()];
const PATH_SECRET = 'B0-secret-of-the-path';
const PRICES = [{ model: 'pro', resolution: '1K', price: '0.08' }] as const;

const Body = z.object({
  event: z.string(),
  id: z.string(),
  timestamp: z.iso.datetime(),
  text: z.string(),
  data: z.record(z.string(), z.unknown()),
});

const rows = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, row) => `${name} ${row}`);

describe('notices', { timeout: 400_000 }, () => {
  let engine: TestEngine;
  let receiver: ScriptedServer;
  let worker: RunningWorker;
  let variables: Readonly<Record<string, string>>;
  const logged: string[] = [];
  /** Answers 200 for a batch without an entry. */
  const answers = new Map<
    string,
    (
      attempt: number,
      request: SeenRequest,
    ) => { status: number; body?: string; after?: () => void } | undefined
  >();

  beforeAll(async () => {
    receiver = await startScriptedServer();
    receiver.answerWith((request, response) => {
      const batchId = String(Body.parse(JSON.parse(request.body)).data['batchId']);
      const attempt = sentFor(batchId).filter(({ id }) => id === request.headers['webhook-id']).length;
      const answer: { status: number; body?: string; after?: () => void } = answers.get(batchId)?.(
        attempt,
        request,
      ) ?? { status: 200 };
      answer.after?.();
      if (answer.status === 0) response.destroy();
      else
        response
          .writeHead(answer.status, { location: `${receiver.origin}/elsewhere`, 'retry-after': '0' })
          .end(answer.body ?? request.path);
    });
    variables = {
      BANANA_NOTIFY_URL: `${receiver.origin}/services/${PATH_SECRET}?token=${PATH_SECRET}`,
      BANANA_NOTIFY_SECRET: `${NEW_SECRET},${OLD_SECRET}`,
    };
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 100, max: 300 }, retryAfterSeconds: 0 } });
    const { stack, apiUrl } = engine;
    const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) });
    logTemporalTo(log);
    worker = await startWorker({
      temporal: temporalConfig(stack.temporal),
      bucket: bucketConfig(stack.s3),
      api: { origin: 'environment', baseUrl: apiUrl, apiKey: TEST_API_KEY },
      taskQueue: 'watched',
      log,
      limits: { ...QUICK_LIMITS, holdToldAfterMs: 500, stuckToldAfterMs: 12_000 },
      notices: readNotices(variables, []),
    });
  });
  afterAll(async () => {
    await worker?.stop();
    await engine?.stop();
    await receiver?.close();
  });

  const start = (
    name: string,
    prompts: readonly string[],
    { settings = {}, taskQueue = 'watched' }: { settings?: Partial<RunSettings>; taskQueue?: string } = {},
  ): Promise<BatchHandle> =>
    startBatch(engine.stack, { name, taskQueue, apiUrl: engine.apiUrl, prompts, settings });
  const sentFor = (batchId: string) =>
    receiver.seen
      .map((request) => ({ ...Body.parse(JSON.parse(request.body)), request }))
      .filter(({ data }) => data['batchId'] === batchId);
  const receivedOf = (batchId: string, event: string, times = 1) =>
    eventually(
      () => {
        const found = sentFor(batchId).filter((sent) => sent.event === event);
        return found.length >= times && found;
      },
      { what: `${event} of ${batchId} is told`, withinMs: 90_000 },
    );

  it('of an end reach a receiver that fails three times, as one notice signed again each time', async () => {
    answers.set('fails', (attempt) => (attempt <= 3 ? { status: attempt === 2 ? 0 : 503 } : undefined));
    const handle = await start('fails', [...rows('fails', 4), 'fails [[refuse]]'], {
      settings: { prices: PRICES },
    });
    expect(await handle.result()).toMatchObject({ end: 'completed' });
    const sent = await receivedOf('fails', 'batch.ended', 4);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(new Set(sent.map(({ request }) => request.body)).size).toBe(1);
    expect(new Set(sent.map(({ request }) => request.headers['webhook-timestamp'])).size).toBeGreaterThan(2);
    const [first] = sent;
    expect(first?.data).toMatchObject({
      runSeq: 1,
      state: 'completed',
      total: 5,
      stored: 4,
      failed: 1,
      failuresByKind: { refused: 1 },
      cost: expect.stringMatching(/^0\.\d+$/),
      contactSheet: 's3://test-bucket/fails/contact-sheet.html',
    });
    expect(first?.text).toMatch(
      /^Batch fails is done: 4 of 5 rows have their images, 1 failed \(1 refused\)\. It cost 0\.\d+\. Contact sheet: s3:\S+$/,
    );
  });

  it.concurrent('that a receiver refuses permanently or never answers do not affect the batch', async () => {
    answers.set('gone', () => ({ status: 410 }));
    answers.set('moved', () => ({ status: 302 }));
    answers.set('dead', () => ({ status: 0 }));
    const handles = await Promise.all(['gone', 'moved', 'dead'].map((name) => start(name, rows(name, 2))));
    for (const handle of handles) expect(await handle.result()).toMatchObject({ end: 'completed' });
    const { client } = engine.stack.temporal;
    for (const name of ['gone', 'moved']) {
      const [sent] = await receivedOf(name, 'batch.ended');
      const delivery = client.workflow.getHandle(noticeWorkflowId(sent?.id ?? ''));
      await expect(delivery.result()).rejects.toThrow('Workflow execution failed');
      expect(sentFor(name).map(({ event, data }) => [event, data['state']])).toEqual([
        ['batch.ended', 'completed'],
      ]);
    }
    expect(receiver.seen.filter((request) => request.path === '/elsewhere')).toEqual([]);
    const [, , fourth] = await receivedOf('dead', 'batch.ended', 3);
    await client.workflow.getHandle(noticeWorkflowId(fourth?.id ?? '')).terminate();
  });

  it.concurrent('of a spent budget are sent once each time it is spent', async () => {
    const handle = await start('spent', rows('spent', 6), { settings: { prices: PRICES, budget: '0.10' } });
    const [first] = await receivedOf('spent', 'batch.paused');
    expect(first?.text).toContain('Batch spent is paused. The budget of 0.10 is spent');
    await handle.executeUpdate(setUpdate, { args: [{ budget: '0.30' }] });
    const sent = await receivedOf('spent', 'batch.paused', 2);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(2);
    await handle.executeUpdate(cancelUpdate);
    const [end] = await receivedOf('spent', 'batch.ended');
    expect(end?.data).toMatchObject({ state: 'cancelled', total: 6, failed: 0 });
  });

  it.concurrent('of a batch without progress are sent once, and of its termination, too', async () => {
    const handle = await start('stuck', ['stuck [[stuck]]', ...rows('stuck', 2)]);
    const [sent] = await receivedOf('stuck', 'batch.stuck');
    expect(sent?.text).toContain(
      'min, for no known reason (0 rows pending, 1 in flight, 0 being copied, 2 of 3 stored)',
    );
    await eventually(() => Date.now() - Date.parse(sent?.timestamp ?? '') > 3_000, { what: 'it lasts' });
    await handle.terminate();
    const [end] = await receivedOf('stuck', 'batch.ended');
    expect(end?.data).toMatchObject({ state: 'failed', total: 3, contactSheet: null });
    expect(sentFor('stuck').map(({ event }) => event)).toEqual(['batch.stuck', 'batch.ended']);
  });

  it.concurrent('of an end are identical if the worker is killed while delivering it', async () => {
    const first = await engine.startWorker({ variables });
    answers.set('killed', (attempt) => {
      if (attempt > 1) return undefined;
      return { status: 0, after: () => void first.end('SIGKILL') };
    });
    const handle = await start('killed', rows('killed', 3), { taskQueue: engine.taskQueue });
    await receivedOf('killed', 'batch.ended');
    await engine.startWorker({ variables });
    expect(await handle.result()).toMatchObject({ end: 'completed' });
    const sent = await receivedOf('killed', 'batch.ended', 2);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
  });

  it('of a hold are sent once, however long it lasts', async () => {
    engine.sandbox.configure({ balance: '0' });
    const handle = await start('held', rows('held', 3));
    const [sent] = await receivedOf('held', 'batch.held');
    expect(sent?.data).toMatchObject({ scope: 'account', code: 'insufficient-balance' });
    expect(sent?.text).toMatch(/^Batch held is held \(account\) since \d\d:\d\d UTC: Out of funds/);
    // Many checks later.
    await eventually(() => Date.now() - Date.parse(sent?.timestamp ?? '') > 3_000, { what: 'it lasts' });
    engine.sandbox.configure({ balance: '1000000' });
    expect(await handle.result()).toMatchObject({ end: 'completed' });
    await receivedOf('held', 'batch.ended');
    expect(sentFor('held').map(({ event }) => event)).toEqual(['batch.held', 'batch.ended']);
  });

  it('can be tested with doctor', async () => {
    const args = ['doctor', '--notify', '--json'];
    const where = { cwd: engine.folder.path, variables: { ...engine.variables, ...variables } };
    const { code, stdout } = await runInProcess(args, where);
    expect(code).toBe(0);
    expect(stdout).toContain(`A test notice was sent: ${new URL(receiver.origin).host} accepted it (200).`);
    expect(stdout).not.toContain(PATH_SECRET);
    expect(receiver.seen.at(-1)?.body).toContain('"event":"test"');
    answers.set('undefined', () => ({ status: 200, body: `{"ok":false,"error":"${PATH_SECRET}"}` }));
    const failed = await runInProcess(args, where);
    expect(failed.code).toBe(2);
    expect(failed.stdout).toContain('answered 200, but the field \\"ok\\" of its answer reports a failure.');
    expect(failed.stdout).not.toContain(PATH_SECRET);
    answers.set('undefined', () => ({ status: 403 }));
    const refused = await runInProcess(args, where);
    expect(refused.code).toBe(2);
    expect(refused.stdout).toContain('did not accept it (403).');
  });

  it('are signed with both secrets, and neither the secrets nor the URL are stored', async () => {
    for (const { body, headers } of receiver.seen) {
      const known = z.record(z.string(), z.string()).parse(headers);
      for (const secret of [NEW_SECRET, OLD_SECRET]) new Webhook(secret).verify(body, known);
      expect(() => new Webhook(secretOf()).verify(body, known)).toThrow('No matching signature');
    }
    const { client } = engine.stack.temporal;
    const kept: string[] = [logged.join(''), ...engine.workers.map((one) => one.output().stderr)];
    for await (const { workflowId, runId, memo } of client.workflow.list()) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      kept.push(
        JSON.stringify([memo, history], (_, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString() : value,
        ),
      );
    }
    const { folder } = engine.stack.s3;
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) kept.push(await readFile(path.join(entry.parentPath, entry.name), 'latin1'));
    }
    expect(kept.join('')).toContain('batch.ended');
    for (const secret of [PATH_SECRET, NEW_SECRET, OLD_SECRET].map((text) => text.replace('whsec_', ''))) {
      expect(kept.filter((text) => text.includes(secret))).toEqual([]);
    }
  });
});
