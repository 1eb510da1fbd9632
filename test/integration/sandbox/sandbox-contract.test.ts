import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  renderImage,
  startSandbox,
  type RunningSandbox,
  type SandboxOptions,
} from '../../../src/local/sandbox/index.js';
import { samplePng } from '../../support/images/sample-images.js';
import { callsOf, download, GOOD_BODY } from '../../support/batches/sandbox-calls.js';
import { startScriptedServer } from '../../support/services/scripted-server.js';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of opened.splice(0)) await part.close();
});

async function start(options: SandboxOptions = {}): Promise<RunningSandbox> {
  const sandbox = await startSandbox({ jobTimeMs: { min: 0, max: 0 }, ...options });
  opened.push(sandbox);
  return sandbox;
}

async function startInputs(answer: (path: string) => Buffer | number) {
  const server = await startScriptedServer();
  opened.push(server);
  server.answerWith((request, response) => {
    const found = answer(request.path);
    if (typeof found === 'number') response.writeHead(found).end();
    else response.end(found);
  });
  return server;
}

describe('a job', () => {
  it('is queued at first and done at the end, with the image of its prompt', async () => {
    const sandbox = await start({ jobTimeMs: { min: 60_000, max: 60_000 } });
    const { create, job, ended } = callsOf(sandbox);
    const waiting = await job(await create());
    expect(waiting).toMatchObject({ status: 'queued', started_at: null, result: null, error: null });
    sandbox.configure({ jobTimeMs: { min: 0, max: 0 } });
    const done = await ended(await create());
    expect(done.finished_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const image = await download(done.result?.image_url ?? '');
    expect(image.headers.get('content-type')).toBe('image/png');
    const expected = renderImage({
      prompt: GOOD_BODY.prompt,
      model: 'pro',
      aspectRatio: '1:1',
      resolution: '1K',
    });
    expect(image.bytes.equals(expected)).toBe(true);
  });

  it('gets another working URL on another origin at every poll', async () => {
    const sandbox = await start();
    const { create, imageUrl } = callsOf(sandbox);
    const jobId = await create();
    const urls = [await imageUrl(jobId), await imageUrl(jobId)];
    expect(new Set(urls).size).toBe(2);
    for (const url of urls) {
      expect(new URL(url).origin).toBe(sandbox.imagesUrl);
      expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('86400');
      expect(new URL(url).origin).not.toBe(new URL(sandbox.apiUrl).origin);
      expect((await download(url)).status).toBe(200);
    }
    expect(sandbox.stats()).toMatchObject({ imagesServed: 2, imageRequests: { 200: 2 } });
  });

  it('has an image URL that expires with S3’s XML error and cannot be forged', async () => {
    const sandbox = await start({ urlTtlMs: 0 });
    const { create, imageUrl } = callsOf(sandbox);
    const jobId = await create();
    const stale = await imageUrl(jobId);
    await expect.poll(async () => (await download(stale)).bytes.toString()).toContain('Request has expired');
    const expired = await download(stale);
    expect(expired.status).toBe(403);
    expect(expired.headers.get('content-type')).toBe('application/xml');
    expect(expired.bytes.toString()).toContain('<Code>AccessDenied</Code>');
    const forged = await download(stale.replace('X-Amz-Expires=0', 'X-Amz-Expires=86400000'));
    expect(forged.status).toBe(403);
  });

  it('waits for a free slot when the service limits parallel jobs', async () => {
    const sandbox = await start({ jobTimeMs: { min: 800, max: 800 }, concurrency: 1 });
    const { create, ended, job } = callsOf(sandbox);
    const first = await create({ prompt: 'first' });
    const second = await create({ prompt: 'second' });
    await ended(first);
    expect((await job(second)).status).not.toBe('done');
    expect((await ended(second)).status).toBe('done');
    expect(sandbox.stats().mostInFlight).toBe(2);
  });

  it('is not found by another account, nor is an id that never existed', async () => {
    const sandbox = await start({
      keys: [
        { key: 'a', account: 'one' },
        { key: 'b', account: 'two' },
      ],
    });
    const jobId = await callsOf(sandbox, 'a').create();
    expect((await callsOf(sandbox, 'a').call(`/jobs/${jobId}`)).status).toBe(200);
    const other = await callsOf(sandbox, 'b').call(`/jobs/${jobId}`);
    expect([other.status, other.text]).toEqual([404, '{"detail":"Job not found"}']);
    expect((await callsOf(sandbox, 'a').call('/jobs/none')).status).toBe(404);
  });

  it('fails as its prompt requests, and is not charged', async () => {
    const sandbox = await start({ balance: '1' });
    const { create, ended, balance } = callsOf(sandbox);
    const refused = await ended(await create({ prompt: '[[refuse]]' }));
    expect(refused.error).toMatch(/safety|moderation|policy|blocked|prohibited/);
    expect(refused.result).toBeNull();
    const flaky = { prompt: '[[flaky]]' };
    expect((await ended(await create(flaky))).status).toBe('failed');
    expect((await ended(await create(flaky))).status).toBe('done');
    expect(await balance()).toEqual({ balance: '0.92', reserved: '0.00', available: '0.92' });
    expect(sandbox.stats()).toMatchObject({
      jobsFailed: { refused: 1, flaky: 1, unknown: 0 },
      jobsCharged: 1,
      charged: '0.08',
    });
  });
});

describe('an Idempotency-Key', () => {
  it('returns the same job without a second charge, even with no balance or a paused model', async () => {
    const sandbox = await start({ balance: '0.08', jobTimeMs: { min: 60_000, max: 60_000 } });
    const { create, post, balance } = callsOf(sandbox);
    const jobId = await create({}, 'key-1');
    expect((await post('/text-generations', GOOD_BODY, 'key-2')).status).toBe(402);
    sandbox.configure({ pausedModels: ['pro'] });
    expect((await post('/text-generations', GOOD_BODY, 'key-2')).status).toBe(503);
    expect(await create({}, 'key-1')).toBe(jobId);
    expect(await balance()).toEqual({ balance: '0.08', reserved: '0.08', available: '0.00' });
    expect(sandbox.stats()).toMatchObject({ jobsMade: 1, replays: 1, createsDuringHold: 2 });
    sandbox.configure({ replayBeforeChecks: false });
    expect((await post('/text-generations', GOOD_BODY, 'key-1')).status).toBe(503);
  });

  it('makes one job of many simultaneous creates, even while input images are being fetched', async () => {
    const inputs = await startInputs(() => samplePng(30, 60));
    const sandbox = await start();
    const { post } = callsOf(sandbox);
    const body = { ...GOOD_BODY, input_images_urls: [`${inputs.origin}/a.png`] };
    const seen = await Promise.all(Array.from({ length: 8 }, () => post('/url-generations', body, 'key')));
    const ids = seen.map(({ text }) => /"job_id":"([^"]+)"/.exec(text)?.[1]);
    expect(new Set(ids).size).toBe(1);
    expect(sandbox.stats()).toMatchObject({ jobsMade: 1, replays: 7, creates: { 202: 8 } });
    expect(inputs.seen).toHaveLength(1);
  });

  it('repeated with another body is refused and counted', async () => {
    const sandbox = await start();
    const { create, post } = callsOf(sandbox);
    await create({}, 'key');
    const changed = { ...GOOD_BODY, prompt: 'another' };
    expect((await post('/text-generations', changed, 'key')).status).toBe(422);
    sandbox.configure({ replayMismatchStatus: 409 });
    expect((await post('/nb2/text-generations', GOOD_BODY, 'key')).status).toBe(409);
    expect(sandbox.stats()).toMatchObject({ replayMismatches: 2, replays: 0, jobsMade: 1 });
  });

  it('belongs to its account, and is optional', async () => {
    const sandbox = await start({ keys: ['mine', { key: 'theirs', account: 'other' }] });
    const mine = callsOf(sandbox, 'mine');
    const ids = [
      await mine.create({}, 'key'),
      await callsOf(sandbox, 'theirs').create({}, 'key'),
      await mine.create(),
      await mine.create(),
    ];
    expect(new Set(ids).size).toBe(4);
  });
});

describe('an account', () => {
  it('reserves at create, charges finished jobs, and refuses creates that it cannot pay', async () => {
    const sandbox = await start({ balance: '0.20', jobTimeMs: { min: 60_000, max: 60_000 } });
    const { create, post, balance, ended } = callsOf(sandbox);
    await create();
    expect(await balance()).toEqual({ balance: '0.20', reserved: '0.08', available: '0.12' });
    const dear = await post('/text-generations', { ...GOOD_BODY, resolution: '4K' });
    expect(dear.status).toBe(402);
    expect(JSON.parse(dear.text)).toEqual({
      detail: { message: 'Insufficient balance', field: null, details: null },
    });
    sandbox.configure({ jobTimeMs: { min: 0, max: 0 } });
    await ended(await create());
    expect(await balance()).toEqual({ balance: '0.12', reserved: '0.08', available: '0.04' });
    sandbox.configure({ balance: '5' });
    await create({ resolution: '4K' });
    expect(await balance()).toMatchObject({ available: '4.68' });
  });

  it('needs a known, valid key that may use the model and the kind of create', async () => {
    const sandbox = await start({
      keys: ['good', { key: 'narrow', models: ['nb'], modes: ['text'] }, { key: 'old', revoked: true }],
    });
    const status = async (key: string, path: string, body: unknown = GOOD_BODY) =>
      (await callsOf(sandbox, key).post(path, body)).status;
    const nb = { prompt: 'x', aspect_ratio: '1:1' };
    expect(await status('narrow', '/nb/text-generations', nb)).toBe(202);
    expect(await status('narrow', '/text-generations')).toBe(403);
    expect(await status('narrow', '/nb/url-generations', nb)).toBe(403);
    expect(await status('old', '/text-generations')).toBe(401);
    expect(await status('wrong', '/text-generations')).toBe(401);
    expect((await fetch(`${sandbox.apiUrl}/balance`)).status).toBe(401);
    sandbox.configure({ keyRevoked: ['good'] });
    expect(await status('good', '/text-generations')).toBe(401);
    sandbox.configure({ keyRevoked: false });
    expect(await status('good', '/text-generations')).toBe(202);
  });
});

function createFrom(sandbox: RunningSandbox, urls: readonly string[], changes: object = {}) {
  return callsOf(sandbox).post('/url-generations', { ...GOOD_BODY, input_images_urls: urls, ...changes });
}

describe('input images', () => {
  it('are fetched, and the first one decides the aspect ratio auto', async () => {
    const inputs = await startInputs((path) => (path === '/a.png' ? samplePng(20, 40) : samplePng(9, 9)));
    const sandbox = await start();
    const urls = [`${inputs.origin}/a.png`, `${inputs.origin}/b.png`];
    const seen = await createFrom(sandbox, urls, { aspect_ratio: 'auto' });
    expect(seen.status).toBe(202);
    expect(inputs.seen.map(({ path }) => path)).toEqual(['/a.png', '/b.png']);
    const [made] = sandbox.jobs();
    const image = await download(await callsOf(sandbox).imageUrl(made?.jobId ?? ''));
    expect(image.bytes.readUInt32BE(20) / image.bytes.readUInt32BE(16)).toBeCloseTo(2, 1);
  });

  it('that cannot be fetched, are not images or exceed 40 MB together are refused with 422', async () => {
    const large = Buffer.alloc(20_000_001);
    const inputs = await startInputs((path) =>
      path === '/large' ? large : path === '/gone' ? 404 : large.subarray(0, 9),
    );
    const sandbox = await start();
    const cases = [
      { urls: ['/gone'], says: 'answered 404' },
      { urls: ['/text', '/large', '/large'], says: '40 MB' },
      { urls: ['/text'], changes: { aspect_ratio: 'auto' }, says: 'could not be read as an image' },
    ];
    for (const { urls, changes = {}, says } of cases) {
      const seen = await createFrom(
        sandbox,
        urls.map((path) => inputs.origin + path),
        changes,
      );
      expect(seen.status).toBe(422);
      expect(seen.text).toContain(says);
      expect(seen.text).toContain('"field":"input_images_urls"');
    }
    expect((await createFrom(sandbox, ['http://127.0.0.1:1/x.png'])).text).toContain('could not be fetched');
    expect(sandbox.stats().jobsMade).toBe(0);
  });
});

describe('the API', () => {
  it('lists every problem of a body in the list shape', async () => {
    const { post } = callsOf(await start());
    const seen = await post('/nb/text-generations', { prompt: '', aspect_ratio: '1:8', resolution: '1K' });
    expect(seen.status).toBe(422);
    const fields = JSON.parse(seen.text).detail.map((problem: { loc: string[] }) => problem.loc.join('.'));
    expect(fields.toSorted()).toEqual(['body.aspect_ratio', 'body.prompt', 'body.resolution']);
  });

  it('answers a create with a status_url without host, sometimes without /api', async () => {
    const { post } = callsOf(await start());
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('/text-generations', GOOD_BODY)));
    const shapes = answers.map(({ text }) => /"status_url":"(.*)\/jobs\/[\w-]+"/.exec(text)?.[1]);
    expect(new Set(shapes)).toEqual(new Set(['/api/v1', '/v1']));
  });

  it('lists its jobs for tests without their prompts', async () => {
    const sandbox = await start();
    const { create, ended } = callsOf(sandbox);
    const jobId = await create({}, 'key');
    await ended(jobId);
    const listed = {
      jobId,
      account: 'sandbox',
      promptSha256: createHash('sha256').update(GOOD_BODY.prompt).digest('hex'),
      model: 'pro',
      idempotencyKey: 'key',
      status: 'done',
      polls: 1,
      pollsToEnd: 1,
      createdAt: expect.any(Number),
      finishedAt: expect.any(Number),
      noticedAfterMs: expect.any(Number),
    };
    expect(sandbox.jobs()).toEqual([listed]);
    expect(await (await fetch(`${sandbox.controlUrl}/jobs`)).json()).toEqual({ jobs: [listed] });
    const { noticedAfterMs } = sandbox.jobs()[0] ?? {};
    expect(sandbox.stats().endsSeen).toEqual({
      jobs: 1,
      pollsToEnd: 1,
      medianMs: noticedAfterMs,
      p95Ms: noticedAfterMs,
    });
  });

  it('is controlled over HTTP, refuses unknown settings, and shows no key', async () => {
    const sandbox = await start({ keys: ['a-secret-key-1234'] });
    const control = async (patch: object) => {
      const response = await fetch(sandbox.controlUrl, { method: 'POST', body: JSON.stringify(patch) });
      return { status: response.status, text: await response.text() };
    };
    const { call } = callsOf(sandbox, 'a-secret-key-1234');
    expect((await control({ outage: { api: 'down503' } })).status).toBe(200);
    expect((await call('/balance')).status).toBe(503);
    expect((await control({ outage: { api: 'none' }, colour: 1 })).status).toBe(422);
    expect((await call('/balance')).status).toBe(503);
    const seen = await control({ outage: { api: 'none' } });
    expect(seen.text).not.toContain('a-secret-key');
    expect(JSON.parse(seen.text)).toMatchObject({
      settings: { outage: { api: 'none' } },
      stats: { jobsMade: 0 },
    });
    expect((await call('/balance')).status).toBe(200);
  });

  it('stops at once although clients wait, and reports a port that is in use', async () => {
    const sandbox = await start({ next: { 'image-slow': 1 }, slowImageMs: 60_000 });
    const { create, imageUrl } = callsOf(sandbox);
    const waiting = download(await imageUrl(await create()));
    await expect.poll(() => sandbox.stats().imageRequests[200]).toBe(1);
    await expect(start({ port: Number(new URL(sandbox.apiUrl).port) })).rejects.toThrow(
      /API cannot listen on 127\.0\.0\.1:\d+: .*choose another port/,
    );
    await sandbox.close();
    expect((await waiting).cut).toBe(true);
  });
});
