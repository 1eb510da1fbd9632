import { QUICK_LIMITS } from '../../support/commands/quick-limits.js';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readNotices } from '../../../src/status/notices/notice-config.js';
import { at, serviceTextsPrefix } from '../../../src/storage/layout.js';
import type { RunningWorker } from '../../../src/activities/worker/process/run-workers.js';
import { startWorker } from '../../../src/worker.js';
import { cancelUpdate } from '../../../src/workflows/protocol/batch-messages.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { eventually } from '../../support/eventually.js';
import { s3Error, startOddStore, type OddStore } from '../../support/services/odd-store.js';
import {
  FORMS,
  hasServiceWords,
  quotedPrompt,
  quoteInAllAnswers,
  SERVICE_WORD,
} from '../../support/services/quoting-service.js';
import { batchOf, scheduleBench } from '../../support/batches/schedule-bench.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';
import { bucketConfig, temporalConfig } from '../../support/stack/server-config.js';
import { firstRun, startBatch } from '../../support/batches/start-batch.js';
import { shownByTemporal, type Shown } from '../../support/batches/shown-by-temporal.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const KEY = `bh_live_${randomBytes(24).toString('base64url')}`;
/** Their rows end with the service's last text, in every form of a quote. */
const IN_ALL_FORMS = ['create-422', 'failed', 'refused', 'odd'];
/** The same, once each. */
const ENDING = ['create-400', 'create-413', 'create-502', 'image-moved'];
/** For these the service sends texts on the way, and then for the failure of their jobs. */
const PASSING = [
  ...['401', '402', '403', '429', '500', '502', '503'].map((status) => `late-${status}`),
  ...['401', '403', '429', '500', '524'].map((status) => `poll-${status}`),
  'answer',
];
/** For these only our own side has a message. */
const UNQUOTED = ['id', 'image-403', 'image-404', 'image-500', 'image-page'];

const GOOD = 24;

const Failures = z.object({
  rows: z.array(z.object({ rowId: z.string(), kind: z.string(), message: z.string(), prompt: z.string() })),
});
const Story = z.object({
  phase: z.string(),
  failure: z.object({ message: z.string() }).optional(),
  generations: z.array(z.object({ message: z.string().optional() })),
});
const Status = z.object({
  holds: z.array(z.object({ message: z.string(), said: z.string().optional() })),
});

describe('a service and an image host that quote prompts', { timeout: 400_000 }, () => {
  let engine: TestEngine;
  let service: ScriptedServer;
  let receiver: ScriptedServer;
  let oddStore: OddStore;
  const workers: RunningWorker[] = [];

  beforeAll(async () => {
    [engine, service, receiver] = await Promise.all([
      startTestEngine({ sandbox: {} }),
      startScriptedServer(),
      startScriptedServer(),
    ]);
    quoteInAllAnswers(service);
    receiver.answerWith((_, response) => void response.writeHead(204).end());
    const { s3, temporal } = engine.stack;
    oddStore = await startOddStore(s3.endpoint);
    const notify = {
      BANANA_NOTIFY_URL: `${receiver.origin}/notices`,
      BANANA_NOTIFY_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    };
    for (const [taskQueue, bucket] of [
      ['words', s3],
      ['unkept', { ...s3, endpoint: oddStore.endpoint }],
    ] as const) {
      workers.push(
        await startWorker({
          temporal: temporalConfig(temporal),
          bucket: bucketConfig(bucket),
          api: { origin: 'environment', baseUrl: service.origin, apiKey: KEY },
          taskQueue,
          log: pino({ level: 'silent' }),
          limits: {
            ...QUICK_LIMITS,
            imageFaultMs: 500,
            serviceFaultMs: 1_000,
            createFaultMs: 1_500,
            jobFaultMs: 60_000,
            holdToldAfterMs: 300,
          },
          notices: readNotices(notify, []),
        }),
      );
    }
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await engine?.stop();
    await Promise.all([service?.close(), receiver?.close(), oddStore?.close()]);
  });

  const start = (
    name: string,
    prompts: readonly string[],
    { taskQueue = 'words', header = 'prompt' }: { taskQueue?: string; header?: string } = {},
  ) =>
    startBatch(engine.stack, {
      name,
      taskQueue,
      header,
      apiUrl: service.origin,
      prompts,
      settings: { maxGenerations: 1, maxFailureRate: 100 },
    });
  const command = async (...args: readonly string[]) =>
    runInProcess(args, {
      cwd: engine.folder.path,
      variables: { ...engine.variables, BANANAHUB_API_KEY: KEY, BANANAHUB_BASE_URL: service.origin },
    });
  const failuresOf = async (name: string) =>
    Failures.parse(JSON.parse((await command('failures', name, '--json')).stdout)).rows;
  const messageOf = async (name: string, rowId: string) =>
    Story.parse(JSON.parse((await command('row', name, rowId, '--json')).stdout)).failure?.message;
  const textsOf = async (name: string) => {
    const keys: string[] = [];
    const { s3 } = engine.stack;
    for await (const { key } of s3.store.list(s3.bucket, serviceTextsPrefix(firstRun(engine.stack, name)))) {
      keys.push(key);
    }
    return keys;
  };

  const shownUntil = (end: Promise<unknown>) => shownByTemporal(engine.stack.temporal.client, end);

  it('never appear in Temporal and notices, and always in the bucket', async () => {
    const bad = [
      ...IN_ALL_FORMS.flatMap((kind) => Array.from({ length: FORMS }, (_, form) => quotedPrompt(kind, form))),
      ...[...ENDING, ...PASSING, ...UNQUOTED].map((kind, at) => quotedPrompt(kind, at % FORMS)),
    ];
    // Only other rows show whose fault it is: good rows come first, and in between.
    const good = Array.from({ length: GOOD }, (_, at) => quotedPrompt('good', at));
    const prompts = [
      ...good.slice(0, GOOD / 2),
      ...bad.flatMap((prompt, at) =>
        at % 4 === 0 ? [...good.slice(GOOD / 2 + at / 4, GOOD / 2 + at / 4 + 1), prompt] : [prompt],
      ),
    ];
    const handle = await start('quotes', prompts);
    const shown = await shownUntil(handle.result());
    expect(await handle.result()).toMatchObject({
      end: 'completed',
      tally: { stored: prompts.length - bad.length },
    });
    // The holds were visible while they lasted, and were reported.
    expect(shown.some(([, text]) => text.includes('Out of funds (402)'))).toBe(true);
    expect(receiver.seen.some(({ body }) => body.includes('batch.held'))).toBe(true);
    expect(shown.some(([workflowId]) => workflowId.startsWith('notice:'))).toBe(true);
    expect(withWords([...shown, ['notices', receiver.seen.map(({ body }) => body).join('')]])).toEqual([]);

    const rows = await failuresOf('quotes');
    expect(rows).toHaveLength(bad.length);
    for (const { prompt, message, kind } of rows) {
      const [name = ''] = prompt.split(' ');
      const quotes = UNQUOTED.includes(name)
        ? ''
        : name === 'image-moved'
          ? SERVICE_WORD
          : `${SERVICE_WORD} ${name}`;
      expect({ name, kind, message }).toMatchObject({ message: expect.stringContaining(quotes) });
    }
    // The searched texts are found where they may be, in every form.
    const quoted = rows.filter(({ prompt }) => IN_ALL_FORMS.includes(prompt.split(' ')[0] ?? ''));
    expect(quoted).toHaveLength(IN_ALL_FORMS.length * FORMS);
    expect(quoted.filter(({ message }) => !hasServiceWords(message.replaceAll(SERVICE_WORD, '')))).toEqual(
      [],
    );
    const first = rows.find(({ prompt }) => prompt.startsWith('create-422 0'));
    expect(first?.message).toContain(`(422): ${SERVICE_WORD} create-422 "create-422 0 a zanzibar`);
    expect(await messageOf('quotes', first?.rowId ?? '')).toBe(first?.message);
    expect((await command('failures', 'quotes')).stdout).toContain(SERVICE_WORD);
    const folder = path.join(engine.stack.s3.folder, engine.stack.s3.bucket, 'quotes');
    expect(await readFile(path.join(folder, 'failures.csv'), 'utf8')).toContain(`(422): ${SERVICE_WORD}`);
    const pages = await readdir(path.join(folder, 'contact-sheet'), { recursive: true });
    const page = pages.find((name) => name.includes('rows-')) ?? '';
    expect(await readFile(path.join(folder, 'contact-sheet', page), 'utf8')).toContain(SERVICE_WORD);

    // The finished batch has them in its files: it does not need the folder any more, and nothing else counts it.
    expect((await textsOf('quotes')).length).toBeGreaterThan(20);
    const verified = { code: 0, stdout: expect.stringContaining('no difference') };
    expect(await command('verify', 'quotes')).toMatchObject(verified);
    expect(await command('prune', 'quotes', '--yes')).toMatchObject({ code: 0 });
    expect((await textsOf('quotes')).length).toBeGreaterThan(20);
    await rm(path.join(folder, 'runs', '0001', 'messages'), { recursive: true });
    expect(await command('verify', 'quotes')).toMatchObject(verified);
    expect(await failuresOf('quotes')).toEqual(rows);
    expect(await messageOf('quotes', first?.rowId ?? '')).toBe(first?.message);
  });

  it('are shown by status and row while the batch is running, as long as they exist', async () => {
    const handle = await start(
      'held',
      [`f,nb2,${quotedPrompt('failed', 0)}`, `h,pro,${quotedPrompt('create-403', 3)}`],
      { header: 'id,model,prompt' },
    );
    const status = async () => Status.parse(JSON.parse((await command('status', 'held', '--json')).stdout));
    const [hold] = await eventually(
      async () => {
        const { holds } = await status();
        return holds.length > 0 && holds;
      },
      { what: 'the model is held', withinMs: 60_000 },
    );
    expect(hold?.message).toContain('(403). Give the key access');
    expect(hold?.said).toContain(`${SERVICE_WORD} create-403`);
    expect((await command('status', 'held')).stdout).toContain(`the service said: ${SERVICE_WORD}`);
    const failed = await eventually(() => messageOf('held', 'f'), { what: 'the other row has failed' });
    expect(failed).toContain(`The job failed: ${SERVICE_WORD} failed`);
    for (const key of await textsOf('held')) {
      await engine.stack.s3.store.delete(at(firstRun(engine.stack, 'held'), key));
    }
    const [later] = (await status()).holds;
    expect(later?.message).toBe(hold?.message);
    expect(later).not.toHaveProperty('said');
    expect(await messageOf('held', 'f')).toBe('The job failed.');
    await handle.executeUpdate(cancelUpdate);
    expect(withWords(await shownUntil(handle.result()))).toEqual([]);
  });

  it('that cannot be stored cost no row anything: code and status remain', async () => {
    oddStore.setOddity({
      answer: ({ method, path: key }) =>
        method === 'PUT' && key.includes('/messages/') ? s3Error(403, 'AccessDenied') : undefined,
    });
    const kinds = ['failed', 'create-422', 'late-401', 'late-500', 'image-404'];
    const handle = await start(
      'unkept',
      kinds.map((kind, at) => quotedPrompt(kind, at)),
      { taskQueue: 'unkept' },
    );
    const shown = await shownUntil(handle.result());
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { failed: kinds.length } });
    expect(withWords(shown)).toEqual([]);
    expect(
      oddStore.seen.some(({ method, path: key }) => method === 'PUT' && key.includes('/messages/')),
    ).toBe(true);
    expect(await textsOf('unkept')).toEqual([]);
    const messages = (await failuresOf('unkept')).map(({ message }) => message);
    expect(messages).toContain('The job failed.');
    expect(messages).toContain('BananaHub refused the request (422).');
    expect(messages.filter((message) => message.includes(SERVICE_WORD))).toEqual([]);
  });

  it('do not appear in schedule runs either', async () => {
    const own = { ...engine, apiUrl: service.origin, taskQueue: 'words' };
    const { create, putSheet, trigger, over } = scheduleBench(() => own);
    await putSheet('nightly', ['failed', 'create-422', 'late-403', 'image-404'].map(quotedPrompt));
    const name = await create('nightly', { mode: 'fresh' });
    await trigger(name);
    const records = over(name, 1);
    expect(withWords(await shownUntil(records))).toEqual([]);
    const [record] = await records;
    const batchId = record && batchOf(record);
    const rows = await failuresOf(batchId ?? '');
    expect(rows.map(({ message }) => message).join()).toContain(`${SERVICE_WORD} create-422`);
  });
});

/** What contains words of the service. */
function withWords(shown: readonly Shown[]) {
  return shown.filter(([, text]) => hasServiceWords(text)).map(([place, text]) => [place, excerpt(text)]);
}

function excerpt(text: string): string {
  const at = text.toLowerCase().search(new RegExp(`${SERVICE_WORD}|nzibar`));
  return text.slice(Math.max(0, at - 300), at + 200);
}
