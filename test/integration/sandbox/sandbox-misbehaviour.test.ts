import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inspectImage } from '../../../src/domain/images/bytes/inspect.js';
import {
  MISBEHAVIOURS,
  startSandbox,
  type MisbehaviourName,
  type RunningSandbox,
} from '../../../src/local/sandbox/index.js';
import { callsOf, download, GOOD_BODY, type Seen } from '../../support/batches/sandbox-calls.js';

let sandbox: RunningSandbox;
let calls: ReturnType<typeof callsOf>;
beforeAll(async () => {
  sandbox = await startSandbox();
  calls = callsOf(sandbox);
});
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.configure({
    everything: 0,
    jobTimeMs: { min: 0, max: 0 },
    retryAfterSeconds: 1,
    outage: { api: 'none', images: 'none' },
  });
});

const next = (name: MisbehaviourName, count = 1) => {
  sandbox.configure({ next: { [name]: count } });
};
const fetchImage = async () => download(await calls.imageUrl(await calls.create()));
const createOnce = (idempotencyKey?: string) => calls.post('/text-generations', GOOD_BODY, idempotencyKey);

describe.each(['create', 'poll'] as const)('a %s', (kind) => {
  const ask = async (): Promise<Seen> => {
    if (kind === 'create') return createOnce();
    const jobId = sandbox.jobs()[0]?.jobId ?? (await calls.create());
    return calls.call(`/jobs/${jobId}`);
  };

  it('gets 429 with seconds or a date', async () => {
    sandbox.configure({ retryAfterSeconds: 7 });
    await ask();
    next(`${kind}-429-seconds`);
    const inSeconds = await ask();
    expect([inSeconds.status, inSeconds.headers.get('retry-after')]).toEqual([429, '7']);
    next(`${kind}-429-date`);
    const sentAt = Date.now();
    const untilDate = await ask();
    const waitMs = Date.parse(untilDate.headers.get('retry-after') ?? '') - sentAt;
    expect(untilDate.status).toBe(429);
    expect(waitMs).toBeGreaterThanOrEqual(7000);
    expect(waitMs).toBeLessThan(9000);
  });

  it('that is repeated before its Retry-After is counted, and one that waits is not', async () => {
    await ask();
    const before = sandbox.stats().retriedTooEarly;
    next(`${kind}-429-seconds`);
    await ask();
    await ask();
    expect(sandbox.stats().retriedTooEarly).toBe(before + 1);
    sandbox.configure({ retryAfterSeconds: 0 });
    next(`${kind}-429-seconds`);
    await ask();
    await ask();
    expect(sandbox.stats().retriedTooEarly).toBe(before + 1);
  });

  it('gets a proxy’s HTML page, a conflict, or a pause', async () => {
    next(`${kind}-html-error`, 5);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const seen = await ask();
      expect([500, 502, 504, 520, 521, 522, 523, 524, 525, 526, 527]).toContain(seen.status);
      expect(seen.headers.get('content-type')).toContain('text/html');
      expect(seen.text).toContain('<html>');
    }
    next(`${kind}-conflict`, 20);
    const conflicts = new Set<number>();
    for (let attempt = 0; attempt < 20; attempt += 1) conflicts.add((await ask()).status);
    expect([...conflicts].sort((a, b) => a - b)).toEqual([408, 409, 425]);
    next(`${kind}-paused`);
    const paused = await ask();
    expect(paused.status).toBe(503);
    expect(paused.text).toContain('paused');
    expect((await ask()).status).toBe(kind === 'create' ? 202 : 200);
  });
});

describe('a create', () => {
  it('with a lost answer has made its job, and its repetition finds it', async () => {
    const before = sandbox.stats().jobsMade;
    next('create-lost-answer');
    await expect(createOnce('lost-1')).rejects.toThrow('fetch failed');
    expect(sandbox.stats().jobsMade).toBe(before + 1);
    expect((await createOnce('lost-1')).status).toBe(202);
    next('create-lost-to-504');
    expect((await createOnce('lost-2')).status).toBe(504);
    expect((await createOnce('lost-2')).status).toBe(202);
    expect(sandbox.stats().jobsMade).toBe(before + 2);
  });

  it('from images gets a failed upload, and no job is made', async () => {
    const before = sandbox.stats().jobsMade;
    next('create-upload-failed');
    const body = { ...GOOD_BODY, input_images_urls: ['http://127.0.0.1:1/a.png'] };
    const seen = await calls.post('/url-generations', body);
    expect([seen.status, seen.text]).toEqual([502, '{"detail":"failed to upload inputs"}']);
    expect(sandbox.stats().jobsMade).toBe(before);
  });
});

describe('a job', () => {
  it.each([
    ['job-flaky', /Upstream returned no image|internal error|timeout|overloaded|try again/],
    ['job-refused', /safety|moderation|policy|blocked|prohibited/],
    ['job-unknown', /./],
  ] as const)('fails by %s with a matching error text', async (name, text) => {
    for (let attempt = 0; attempt < 4; attempt += 1) {
      next(name);
      const job = await calls.ended(await calls.create());
      expect(job).toMatchObject({ status: 'failed', result: null });
      expect(job.error).toMatch(text);
    }
  });

  it('is lost with a 404, and returns its reservation', async () => {
    next('job-lost');
    const jobId = await calls.create();
    expect((await calls.call(`/jobs/${jobId}`)).status).toBe(404);
    expect(sandbox.stats()).toMatchObject({ reserved: '0.00', jobsLost: 1 });
  });

  it('that is running can have a pause notice or an unknown status', async () => {
    sandbox.configure({ jobTimeMs: { min: 60_000, max: 60_000 } });
    const jobId = await calls.create();
    next('poll-pause-notice', 12);
    const fields = new Set<string>();
    for (let poll = 0; poll < 12; poll += 1) {
      const { status, error, message, detail } = await calls.job(jobId);
      expect(status).toBe('queued');
      for (const [field, text] of Object.entries({ error, message, detail })) {
        if (text !== null && text !== undefined) fields.add(field);
      }
    }
    expect([...fields].sort()).toEqual(['detail', 'error', 'message']);
    next('poll-unknown-status');
    expect(['queued', 'processing', 'done', 'failed']).not.toContain((await calls.job(jobId)).status);
    expect((await calls.job(jobId)).status).toBe('queued');
  });

  it('that is done can temporarily have no result', async () => {
    const jobId = await calls.create();
    await calls.imageUrl(jobId);
    next('poll-no-result', 10);
    const results = new Set<string | undefined>();
    for (let poll = 0; poll < 10; poll += 1) results.add((await calls.job(jobId)).result?.image_url);
    expect(results).toEqual(new Set([undefined, '']));
    expect((await calls.job(jobId)).result?.image_url).toContain('http');
  });

  it('can have no image because of a marker in its prompt', async () => {
    const jobId = await calls.create({ prompt: 'x [[no-image]]' });
    const seen = await download(await calls.imageUrl(jobId));
    expect([seen.status, seen.bytes.toString()]).toEqual([403, expect.stringContaining('AccessDenied')]);
  });
});

describe('an image', () => {
  it('is refused as expired', async () => {
    next('image-expired');
    const seen = await fetchImage();
    expect([seen.status, seen.bytes.toString()]).toEqual([
      403,
      expect.stringContaining('Request has expired'),
    ]);
  });

  it('ends before its Content-Length, or has the length of a truncated image', async () => {
    next('image-truncated');
    const truncated = await fetchImage();
    expect(truncated.cut).toBe(true);
    expect(truncated.bytes.length).toBeLessThan(Number(truncated.headers.get('content-length')));
    next('image-cut');
    const cut = await fetchImage();
    expect(cut.cut).toBe(false);
    expect(cut.bytes.length).toBe(Number(cut.headers.get('content-length')));
    expect((await inspectImage(cut.bytes)).kind).not.toBe('image');
  });

  it('has an unhelpful type, or is replaced by a page', async () => {
    next('image-octet-stream');
    const untyped = await fetchImage();
    expect(untyped.headers.get('content-type')).toBe('application/octet-stream');
    expect((await inspectImage(untyped.bytes)).kind).toBe('image');
    next('image-wrong-body', 8);
    const starts = new Set<string>();
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const page = await fetchImage();
      expect(page.status).toBe(200);
      starts.add(page.bytes.toString('latin1', 0, 5));
    }
    expect(starts).toEqual(new Set(['<!DOC', '<?xml']));
  });

  it('arrives late but complete', async () => {
    sandbox.configure({ slowImageMs: 150 });
    next('image-slow');
    const url = await calls.imageUrl(await calls.create());
    const startedAt = performance.now();
    const slow = await download(url);
    expect(performance.now() - startedAt).toBeGreaterThan(140);
    expect((await inspectImage(slow.bytes)).kind).toBe('image');
  });
});

describe('an outage', () => {
  it('of the API fails every request in one way, and counts the creates', async () => {
    const before = sandbox.stats().createsDuringHold;
    sandbox.configure({ outage: { api: 'html502' } });
    expect((await createOnce()).status).toBe(502);
    sandbox.configure({ outage: { api: 'drop' } });
    await expect(createOnce()).rejects.toThrow('fetch failed');
    sandbox.configure({ outage: { api: 'down503' } });
    expect((await createOnce()).status).toBe(503);
    expect((await calls.call('/jobs/x')).status).toBe(503);
    expect(sandbox.stats().createsDuringHold).toBe(before + 3);
  });

  it('of the image host does not affect the API', async () => {
    const url = await calls.imageUrl(await calls.create());
    sandbox.configure({ outage: { images: 'down503' } });
    expect((await download(url)).status).toBe(503);
    sandbox.configure({ outage: { images: 'drop' } });
    await expect(download(url)).rejects.toThrow('fetch failed');
    expect((await calls.call('/balance')).status).toBe(200);
  });
});

describe('--everything', () => {
  it('plays all misbehaviours that need no webhook, and jobs still end', async () => {
    sandbox.configure({ everything: 0.3, slowImageMs: 1, retryAfterSeconds: 0 });
    for (let create = 0; create < 150; create += 1) {
      await createOnce(`everything-${create}`).catch(() => undefined);
    }
    for (const { jobId } of sandbox.jobs()) {
      const seen = await calls.call(`/jobs/${jobId}`);
      const url = /"image_url":"(http[^"]+)"/.exec(seen.text)?.[1];
      if (url !== undefined) await download(url);
    }
    const played = sandbox.stats().misbehaviours;
    const missed = Object.keys(MISBEHAVIOURS).filter((name) => !(name in played));
    const elsewhere = [
      'webhook-missing',
      'webhook-late',
      'webhook-repeated',
      'webhook-early',
      'webhook-swapped',
    ];
    expect(missed.sort()).toEqual(elsewhere.sort());
  });
});
