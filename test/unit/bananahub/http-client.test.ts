import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BananaHubClient } from '../../../src/bananahub/client.js';
import type { JobId } from '../../../src/domain/rows/ids.js';
import { BananaHubError } from '../../../src/bananahub/errors.js';
import { createBananaHubClient } from '../../../src/bananahub/http-client.js';
import { isSafeJobId } from '../../../src/bananahub/schema.js';
import { type ScriptedServer, startScriptedServer } from '../../support/services/scripted-server.js';

const API_KEY = 'sk-very-secret-0123';
const JOB = jobId('5b2f0f0e-1c53-4e43-8f53-0d7a4b1f2a11');
const request = {
  prompt: 'a "cat"\n🐈',
  model: 'pro',
  aspectRatio: '1:1',
  resolution: '2K',
  inputImageUrls: [],
} as const;
const options = { idempotencyKey: '0c5b1f0e-1111-4e43-8f53-0d7a4b1f2a11' };

let server: ScriptedServer;
let client: BananaHubClient;
const opened: BananaHubClient[] = [];

beforeAll(async () => {
  server = await startScriptedServer();
  client = open();
});
afterEach(async () => {
  await Promise.all(opened.splice(1).map((extra) => extra.close()));
});
afterAll(async () => {
  await Promise.all(opened.map((each) => each.close()));
  await server.close();
});

function open(overrides: { baseUrl?: string; timeoutMs?: number } = {}): BananaHubClient {
  const made = createBananaHubClient({ baseUrl: `${server.origin}/api/v1/`, apiKey: API_KEY, ...overrides });
  opened.push(made);
  return made;
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
  server.answerWith((_request, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

async function failureOf(call: Promise<unknown>): Promise<BananaHubError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof BananaHubError) return error;
    throw error;
  }
  throw new Error('The call should have failed.');
}

describe('creating a generation', () => {
  it('posts what the contract requires and returns the job, whatever the status URL says', async () => {
    answer(202, { job_id: JOB, status: 'queued', status_url: 'https://elsewhere.test/jobs/1' });
    await expect(client.createGeneration(request, options)).resolves.toEqual({ jobId: JOB });
    const [seen] = server.seen;
    expect(seen?.method).toBe('POST');
    expect(seen?.path).toBe('/api/v1/text-generations');
    expect(seen?.headers.authorization).toBe(`Bearer ${API_KEY}`);
    expect(seen?.headers['idempotency-key']).toBe(options.idempotencyKey);
    expect(seen?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      prompt: request.prompt,
      aspect_ratio: '1:1',
      resolution: '2K',
    });
  });

  it('takes a replay answered with 200 as the same job', async () => {
    answer(200, { job_id: JOB, status: 'done' });
    await expect(client.createGeneration(request, options)).resolves.toEqual({ jobId: JOB });
  });

  it.each([
    ['no JSON', '<html>ok</html>'],
    ['an empty body', ''],
    ['no job id', { status: 'queued' }],
    ['a job id that would change the URL', { job_id: '../../balance' }],
    ['an empty job id', { job_id: '' }],
    ['a number for a job id', { job_id: 7 }],
    ['a list', []],
    ['null', null],
  ])('reports a 202 with %s as a bad answer', async (_what, body) => {
    answer(202, body);
    const failure = await failureOf(client.createGeneration(request, options));
    expect(failure.code).toBe('bad-answer');
    expect(failure.status).toBe(202);
  });

  it('reports an answer of more than a megabyte as a bad answer', async () => {
    answer(202, JSON.stringify({ job_id: JOB, padding: 'x'.repeat(1_100_000) }));
    expect((await failureOf(client.createGeneration(request, options))).code).toBe('bad-answer');
  });

  it.each([
    [401, { detail: 'Invalid API key' }, 'unauthorized', 'Invalid API key'],
    [
      402,
      { detail: { message: 'Not enough', field: null, details: null } },
      'insufficient-balance',
      'Not enough',
    ],
    [403, { detail: 'Not allowed' }, 'forbidden', 'Not allowed'],
    [
      422,
      { detail: [{ loc: ['body', 'prompt'], msg: 'too long', type: 'x' }] },
      'invalid-request',
      'prompt: too long',
    ],
    [502, { detail: 'failed to upload inputs' }, 'upload-failed', 'failed to upload inputs'],
    [502, '<html><title>502 Bad Gateway</title></html>', 'unavailable', '502 Bad Gateway'],
    [503, { detail: 'Model paused' }, 'paused', 'Model paused'],
    [409, { detail: 'paused due to high load' }, 'paused', 'paused due to high load'],
  ])('reports %i with %j as %s', async (status, body, code, message) => {
    answer(status, body);
    const failure = await failureOf(client.createGeneration(request, options));
    expect(failure).toMatchObject({ code, message, status });
  });

  it('names the call if a refusal has no message', async () => {
    answer(500, '');
    const failure = await failureOf(client.createGeneration(request, options));
    expect(failure.code).toBe('unavailable');
    expect(failure.message).toContain('500 to POST /text-generations');
  });

  it('returns how long to wait, in either form of Retry-After, dates by the service’s clock', async () => {
    answer(429, { detail: 'slow down' }, { 'retry-after': '7' });
    expect(await failureOf(client.createGeneration(request, options))).toMatchObject({
      code: 'rate-limited',
      retryAfterMs: 7_000,
    });
    const dates = {
      date: 'Thu, 11 Jun 2026 12:00:00 GMT',
      'retry-after': 'Thu, 11 Jun 2026 12:01:00 GMT',
    };
    answer(503, { detail: 'paused' }, dates);
    expect(await failureOf(client.createGeneration(request, options))).toMatchObject({
      retryAfterMs: 60_000,
    });
  });

  it('does not follow a redirect and reports a wrong base URL', async () => {
    answer(301, '', { location: `${server.origin}/elsewhere` });
    const failure = await failureOf(client.createGeneration(request, options));
    expect(failure.code).toBe('unavailable');
    expect(failure.message).toContain('BANANAHUB_BASE_URL');
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    ['https://user:word@api.banana.test/v2/?token=f00d#x', 'redirects to https://api.banana.test/v2/)'],
    [
      `https://api.banana.test/${'long/'.repeat(100)}`,
      '…). Expected something like https://bananahub.io/api/v1.',
    ],
    ['/moved', '/moved)'],
    [`https://api.banana.test/${API_KEY}`, 'redirects to https://api.banana.test/'],
  ])('reports the target of a redirect (%s) without its secrets', async (location, part) => {
    answer(301, '', { location });
    const { message } = await failureOf(client.getBalance());
    expect(message).toContain(part);
    expect(message).not.toMatch(/word|f00d|very-secret/);
  });

  it.each(['mailto:a@b.test', 'http://[', undefined])(
    'does not report a redirect to %s',
    async (location) => {
      answer(302, '', location === undefined ? {} : { location });
      const { message } = await failureOf(client.getBalance());
      expect(message).toMatch(/^BANANAHUB_BASE_URL is not the API \(302 for GET \/balance at [^ ,]+\)\./);
    },
  );

  it('attributes a missing endpoint to the base URL, not to the row', async () => {
    answer(404, '<html><title>Not Found</title></html>');
    const failure = await failureOf(client.createGeneration(request, options));
    expect(failure.code).toBe('unavailable');
    expect(failure.message).toContain('BANANAHUB_BASE_URL');
  });

  it('never repeats the key or a signature that the service quotes', async () => {
    answer(401, { detail: `bad key ${API_KEY}; see https://img.test/a?X-Amz-Signature=f00d` });
    const failure = await failureOf(client.createGeneration(request, options));
    expect(JSON.stringify([failure, failure.message, failure.stack])).not.toMatch(/very-secret|f00d/);
  });
});

describe('polling a job', () => {
  async function jobFrom(body: Record<string, unknown>) {
    answer(200, {
      job_id: JOB,
      created_at: '2026-06-11T12:00:00Z',
      started_at: null,
      finished_at: null,
      ...body,
    });
    return client.getJob(JOB);
  }

  it('returns the fresh image URL of a done job and how long ago it ended', async () => {
    const job = await jobFrom({
      status: 'done',
      result: { image_url: 'https://img.test/a.png?sig=1' },
      error: null,
      started_at: '2026-06-11T12:00:01Z',
      finished_at: '2026-06-11T12:00:13.5Z',
    });
    expect(job).toEqual({
      kind: 'done',
      imageUrl: 'https://img.test/a.png?sig=1',
      endedAgoMs: expect.any(Number),
    });
    expect(server.seen[0]?.path).toBe(`/api/v1/jobs/${JOB}`);
  });

  it.each([
    { result: null },
    {},
    { result: {} },
    { result: { image_url: '' } },
    { result: { image_url: null } },
  ])('treats a done job with %j as unfinished', async (fields) => {
    await expect(jobFrom({ status: 'done', ...fields })).resolves.toEqual({
      kind: 'unfinished',
      status: 'done',
    });
  });

  it.each([
    'ftp://img.test/a.png',
    '/a.png',
    'data:image/png;base64,AA',
    7,
    `https://h/${'x'.repeat(16_384)}`,
  ])('refuses %.40s as an image URL', async (imageUrl) => {
    const failure = await failureOf(jobFrom({ status: 'done', result: { image_url: imageUrl } }));
    expect(failure.code).toBe('bad-answer');
    expect(failure.message).toContain('image_url');
  });

  it.each(['queued', 'processing', 'archiving', ''])(
    'treats the status "%s" as unfinished',
    async (status) => {
      await expect(jobFrom({ status })).resolves.toEqual({ kind: 'unfinished', status });
    },
  );

  it.each(['error', 'message', 'detail'])(
    'recognizes a pause notice in %s of a running job',
    async (field) => {
      const notice = field === 'detail' ? { message: 'paused due to high load' } : 'paused due to high load';
      await expect(jobFrom({ status: 'queued', [field]: notice })).resolves.toEqual({
        kind: 'unfinished',
        status: 'queued',
        pausedNotice: 'paused due to high load',
      });
    },
  );

  it.each([
    ['Blocked by  safety\nfilter', 'Blocked by safety filter'],
    [null, 'the service gave no reason'],
    [{ message: 'internal error' }, 'internal error'],
  ])('returns the reason %j of a failed job', async (error, message) => {
    await expect(jobFrom({ status: 'failed', error })).resolves.toMatchObject({ kind: 'failed', message });
  });

  it('judges a failed job by its whole reason, although only the beginning is kept', async () => {
    const job = await jobFrom({ status: 'failed', error: `${'x '.repeat(2_000)}content policy` });
    expect(job).toMatchObject({
      kind: 'failed',
      failure: 'refused',
      message: expect.stringMatching(/^x .*x…$/),
    });
  });

  it('refuses an answer about another job', async () => {
    const failure = await failureOf(jobFrom({ status: 'queued', job_id: 'another' }));
    expect(failure.code).toBe('bad-answer');
  });

  it.each([[{ job_id: JOB }], [[]], ['done']])('reports %j as a bad answer', async (body) => {
    answer(200, JSON.stringify(body));
    expect((await failureOf(client.getJob(JOB))).code).toBe('bad-answer');
  });

  it('distinguishes a missing job from a URL that is not the API', async () => {
    answer(404, { detail: 'Job not found' });
    expect(await failureOf(client.getJob(JOB))).toMatchObject({ code: 'job-not-found', status: 404 });
    expect((await failureOf(client.getBalance())).code).toBe('unavailable');
  });
});

describe('reading the balance', () => {
  it('returns the decimal strings unchanged', async () => {
    answer(200, { balance: '12.50', reserved: '0.40', available: '12.10', currency: 'USD' });
    await expect(client.getBalance()).resolves.toEqual({
      balance: '12.50',
      reserved: '0.40',
      available: '12.10',
    });
  });

  it.each([12.5, '12,50', '', `1${'0'.repeat(20)}`, `0.${'1'.repeat(1_000)}`])(
    'refuses an invalid amount: %.30s',
    async (balance) => {
      answer(200, { balance, reserved: '0.40', available: '12.10' });
      expect((await failureOf(client.getBalance())).code).toBe('bad-answer');
    },
  );
});

describe('a failing connection', () => {
  it('is reported as network if nothing listens, with the address', async () => {
    const gone = await startScriptedServer();
    await gone.close();
    const failure = await failureOf(open({ baseUrl: gone.origin }).getBalance());
    expect(failure.code).toBe('network');
    expect(failure.message).toContain(`GET ${gone.origin}/balance`);
    expect(failure.message).toContain('ECONNREFUSED');
  });

  it('is reported as network if it breaks before or during the answer', async () => {
    server.answerWith((_request, response) => response.destroy());
    expect((await failureOf(client.createGeneration(request, options))).code).toBe('network');
    server.answerWith((_request, response) => breakOff(response, 202));
    expect((await failureOf(client.createGeneration(request, options))).code).toBe('network');
  });

  it('keeps the status if a refusal is cut off', async () => {
    server.answerWith((_request, response) => breakOff(response, 402));
    expect((await failureOf(client.createGeneration(request, options))).code).toBe('insufficient-balance');
  });

  it('is reported as a timeout if no answer arrives, or it drips', async () => {
    const impatient = open({ timeoutMs: 150 });
    server.answerWith(() => undefined);
    expect((await failureOf(impatient.getBalance())).code).toBe('timeout');
    server.answerWith((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(drip));
    });
    const failure = await failureOf(impatient.getBalance());
    expect(failure.code).toBe('timeout');
    expect(failure.message).toContain('150 ms');
  });
});

describe('an aborted signal', () => {
  it('ends a call with its own reason, before and during the call', async () => {
    const reason = new Error('the worker stops');
    server.answerWith(() => undefined);
    await expect(client.getBalance(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(server.seen).toHaveLength(0);
    const controller = new AbortController();
    server.answerWith(() => controller.abort(reason));
    await expect(client.createGeneration(request, { ...options, signal: controller.signal })).rejects.toBe(
      reason,
    );
  });
});

describe('client settings', () => {
  it.each([
    '',
    'bananahub.io',
    'ftp://bananahub.io',
    'https://u:p@bananahub.io',
    'https://bananahub.io/?key=1',
  ])('refuse "%s" as a base URL without repeating it', (baseUrl) => {
    expect(() => createBananaHubClient({ baseUrl, apiKey: API_KEY })).toThrow(/BANANAHUB_BASE_URL must be/);
  });

  it.each(['', 'two words', 'line\nbreak', 'schlüssel'])('refuses %j as a key', (apiKey) => {
    expect(() => createBananaHubClient({ baseUrl: server.origin, apiKey })).toThrow(
      /BANANAHUB_API_KEY must be/,
    );
  });

  it('make an account id of the origin and a fingerprint of the key', () => {
    expect(client.account.startsWith(`${server.origin}#`)).toBe(true);
    expect(client.account).not.toContain(API_KEY);
    expect(open({ baseUrl: `${server.origin}/v2` }).account).toBe(client.account);
  });
});

function breakOff(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': '1000' });
  response.write('{"detail"', () => response.destroy());
}

function jobId(text: string): JobId {
  if (!isSafeJobId(text)) throw new Error(`${text} is no job id`);
  return text;
}
