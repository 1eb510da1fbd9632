import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logTemporalTo } from '../../../src/activities/worker/process/temporal-log.js';
import type { RunningWorker } from '../../../src/activities/worker/process/run-workers.js';
import { startWorker } from '../../../src/worker.js';
import { runCommand } from '../../support/commands/command-line.js';
import { historyText } from '../../support/batches/history-text.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';
import { bucketConfig, temporalConfig } from '../../support/stack/server-config.js';
import { startBatch } from '../../support/batches/start-batch.js';
import { QUICK_LIMITS } from '../../support/commands/quick-limits.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const KEY = `bh_live_${randomBytes(24).toString('base64url')}`;
const ENTITIES = Array.from(KEY, (letter) => `&#${letter.charCodeAt(0)};`).join('');
const ESCAPED = Array.from(KEY, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join(
  '',
);
const PERCENT = Array.from(KEY, (letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');
/** Every spelling in which the service repeats the key. */
const SPELLINGS: readonly string[] = [
  KEY,
  KEY.toUpperCase(),
  ENTITIES,
  ESCAPED,
  PERCENT,
  `Authorization: Bearer ${KEY}`,
  Buffer.from(`Bearer ${KEY}`).toString('base64'),
  Buffer.from(`:${KEY}`).toString('base64'),
  Buffer.from(KEY).toString('base64url'),
  Buffer.from(KEY).toString('hex'),
  // Shortening the text to 300 characters cuts it here.
  `${'z'.repeat(280)}${KEY}`,
];

/** Whether a text contains a large part of the key in any spelling. */
function keyIn(text: string): string | undefined {
  const spellings = [KEY, ENTITIES, ESCAPED, PERCENT, Buffer.from(KEY).toString('hex')];
  for (const offset of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(KEY)]).toString('base64');
    spellings.push(encoded.slice(2, -4), encoded.slice(2, -4).replaceAll('+', '-').replaceAll('/', '_'));
  }
  const lower = text.toLowerCase();
  for (const spelling of spellings.map((one) => one.toLowerCase())) {
    const length = spelling.length > 200 ? 60 : 14;
    for (let at = 8; at + length <= spelling.length; at += 1) {
      const part = spelling.slice(at, at + length);
      if (lower.includes(part)) return part;
    }
  }
  return undefined;
}

describe('a service that repeats the API key', { timeout: 200_000 }, () => {
  let engine: TestEngine;
  let service: ScriptedServer;
  let worker: RunningWorker;
  const logged: string[] = [];

  beforeAll(async () => {
    [engine, service] = await Promise.all([startTestEngine({ sandbox: {} }), startScriptedServer()]);
    const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) });
    logTemporalTo(log);
    worker = await startWorker({
      temporal: temporalConfig(engine.stack.temporal),
      bucket: bucketConfig(engine.stack.s3),
      api: { origin: 'environment', baseUrl: service.origin, apiKey: KEY },
      taskQueue: 'repeats',
      log,
      limits: { ...QUICK_LIMITS, imageFaultMs: 500, serviceFaultMs: 500, holdToldAfterMs: 500 },
    });
  });
  afterAll(async () => {
    await worker?.stop();
    await engine?.stop();
    await service?.close();
  });

  it('leaks it nowhere: stored files, logs and output', async () => {
    const jobs = new Map<string, { readonly kind: string; readonly text: string; polls: number }>();
    let refusals = 0;
    service.answerWith(({ method, path: target, body }, response) => {
      const json = (status: number, value: unknown): void => {
        response
          .writeHead(status, { 'content-type': 'application/json', 'x-echo': KEY })
          .end(JSON.stringify(value));
      };
      if (target === '/balance') return json(200, { balance: '9.00', reserved: '0.00', available: '9.00' });
      if (method === 'POST') {
        const { prompt } = JSON.parse(body) as { prompt: string };
        const [, kind = '', number = '0'] = /^(\w+) (\d+)/.exec(prompt) ?? [];
        const text = SPELLINGS[Number(number)] ?? '';
        if (kind === 'invalid')
          return json(422, { detail: [{ loc: ['body', 'prompt'], msg: `no: ${text}` }] });
        if (kind === 'held' && refusals++ < 12) {
          response.writeHead(refusals % 2 ? 503 : 500, { location: `https://x.test/?k=${KEY}` });
          return response.end(`<html><body><h1>Error</h1><p>${text}</p></body></html>`);
        }
        const id = randomUUID();
        jobs.set(id, { kind, text, polls: 0 });
        return json(202, { job_id: id });
      }
      const job = jobs.get(target.split('/').at(-1) ?? '');
      if (target.startsWith('/image')) {
        response.writeHead(403, { 'content-type': 'application/xml' });
        return response.end(`<Error><Message>${KEY}</Message></Error>`);
      }
      if (!job) return json(404, { detail: `no job: ${KEY}` });
      job.polls += 1;
      const { kind, text } = job;
      if (kind === 'odd' && job.polls < 3) {
        return json(200, { status: `waiting for ${text}`, message: `paused for ${text}` });
      }
      if (kind === 'image') {
        return json(200, { status: 'done', result: { image_url: `${service.origin}/image/${KEY}?${KEY}` } });
      }
      return json(200, { status: 'failed', error: { message: `policy of ${text}` } });
    });
    const prompts = ['failed', 'invalid', 'odd']
      .flatMap((kind) => SPELLINGS.map((_, at) => `${kind} ${at}`))
      .concat(
        SPELLINGS.map((_, at) => `held ${at}`),
        'image 0',
      );
    const handle = await startBatch(engine.stack, {
      name: 'repeats',
      taskQueue: 'repeats',
      apiUrl: service.origin,
      prompts,
    });
    expect(await handle.result()).toMatchObject({ end: 'completed' });
    const kept: [string, string][] = [['log', logged.join('')]];
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
    const where = { cwd: engine.folder.path, variables: { ...engine.variables, BANANAHUB_API_KEY: KEY } };
    for (const args of [
      ['status', 'repeats'],
      ['failures', 'repeats'],
      ['failures', 'repeats', '--json'],
    ]) {
      const { stdout, stderr } = await runCommand(args, where);
      kept.push([args.join(' '), stdout + stderr]);
    }
    expect(kept.map(([, text]) => text).join('')).toContain('[key]');
    expect(kept.map(([place, text]) => [place, keyIn(text)]).filter(([, part]) => part)).toEqual([]);
  });
});
