import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChildServer } from '../../../src/local/servers/child-server.js';
import { startS3 } from '../../../src/local/servers/s3.js';
import type { runBatch } from '../../../src/workflows/index.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { eventually } from '../../support/eventually.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';
import { untilHeld } from '../../support/batches/until-held.js';

const NEW = { accessKeyId: 'rotated-access', secretAccessKey: 'rotated-secret-of-the-server' };

describe('S3 credentials that are rotated during a batch', { timeout: 300_000 }, () => {
  let engine: TestEngine;
  let rotated: ChildServer | undefined;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 2_000, max: 2_500 } } });
    await writeFile(path.join(engine.folder.path, 'foxes.csv'), 'prompt\nfox 1\nfox 2\nfox 3\n');
  });
  afterAll(async () => {
    await Promise.all(engine?.workers.map((worker) => worker.end('SIGTERM')) ?? []);
    await rotated?.stop();
    await engine?.stop();
  });

  it('hold it until the credentials file has the new ones, without restarting a worker', async () => {
    const { stack, folder, variables, sandbox } = engine;
    const file = path.join(folder.path, 'credentials');
    const give = (keys: typeof NEW): Promise<void> =>
      writeFile(
        file,
        `[default]\naws_access_key_id = ${keys.accessKeyId}\naws_secret_access_key = ${keys.secretAccessKey}\n`,
      );
    await give(stack.s3);
    await engine.startWorker({
      variables: {
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        AWS_SHARED_CREDENTIALS_FILE: file,
      },
    });
    await runInProcess(['submit', 'foxes.csv'], { cwd: folder.path, variables });
    await eventually(() => sandbox.stats().jobsMade === 3, { what: 'three jobs are made', withinMs: 60_000 });

    await stack.s3.kill();
    rotated = await startS3({
      dataDir: stack.s3.folder,
      logDir: folder.path,
      port: Number(new URL(stack.s3.endpoint).port),
      accessKey: NEW.accessKeyId,
      secretKey: NEW.secretAccessKey,
    });
    const handle = stack.temporal.client.workflow.getHandle<typeof runBatch>('batch:foxes');
    await untilHeld(handle, 'storage', 120_000);
    await give(NEW);
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 3, total: 3 } });
    expect(sandbox.stats().jobsMade).toBe(3);
  });
});
