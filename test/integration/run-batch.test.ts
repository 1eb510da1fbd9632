import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseBatchId } from '../../src/domain/ids.js';
import { startSandbox, type RunningSandbox } from '../../src/sandbox/index.js';
import { SheetSettings } from '../../src/sheet/index.js';
import { hashFile, planSubmission, startRun } from '../../src/starter.js';
import { startWorker, type RunningWorker } from '../../src/worker.js';
import { batchWorkflowId } from '../../src/workflows/messages.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { startTestStack, type TestStack } from '../support/test-stack.js';

describe('a batch', () => {
  let stack: TestStack;
  let sandbox: RunningSandbox;
  let worker: RunningWorker;
  beforeAll(async () => {
    [stack, sandbox] = await Promise.all([startTestStack(), startSandbox({ keys: ['k'], jobTimeMs: { min: 200, max: 600 } })]);
    const { endpoint, region, bucket, accessKeyId, secretAccessKey } = stack.s3;
    worker = await startWorker({
      temporal: { origin: 'environment', connection: { address: stack.temporal.address }, address: stack.temporal.address, namespace: 'default' },
      bucket: { origin: 'environment', bucket, prefix: '', s3: { endpoint, region, credentials: { accessKeyId, secretAccessKey } } },
      api: { origin: 'environment', baseUrl: sandbox.apiUrl, apiKey: 'k' },
      taskQueue: 'test',
      log: pino({ level: 'warn' }),
    });
  });
  afterAll(async () => {
    await worker?.stop();
    await sandbox?.close();
    await stack?.stop();
  });

  it('stores an image for every row', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder.path, 's.csv');
    await writeFile(file, `prompt,kind\n${Array.from({ length: 30 }, (_, i) => `a banana number ${i},k${i % 3}`).join('\n')}\n`);
    const batchId = parseBatchId('smoke');
    if (!batchId) throw new Error('no');
    const location = { bucket: stack.s3.bucket, prefix: '', batchId };
    const sheet = { path: file, name: 's.csv', ...(await hashFile(file)) };
    const settings = SheetSettings.parse({});
    const plan = await planSubmission(stack.s3.store, location, sheet, settings);
    expect(plan).toMatchObject({ runSeq: 1, new: 30 });
    await startRun({
      client: stack.temporal.client, store: stack.s3.store, taskQueue: 'test', location, runSeq: 1, sheet, sheetSettings: settings,
      settings: { concurrency: 10, maxGenerations: 4, graceMs: 1000, idempotencyHorizonMs: 86_400_000, probeFirstMs: 500, probeLongestMs: 2000 },
    });
    const result = await stack.temporal.client.workflow.getHandle(batchWorkflowId(batchId)).result();
    console.log(JSON.stringify(result), sandbox.stats());
    for await (const o of stack.s3.store.list(stack.s3.bucket, 'smoke/')) console.log(o.key, o.sizeBytes);
    console.log(await stack.s3.store.readText({ bucket: stack.s3.bucket, key: 'smoke/report.json' }));
    console.log((await stack.s3.store.readText({ bucket: stack.s3.bucket, key: 'smoke/images/train/metadata.jsonl' })).slice(0, 600));
    expect(result).toMatchObject({ end: 'completed', tally: { stored: 30 } });
  });
});
