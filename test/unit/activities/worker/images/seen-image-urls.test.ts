import { expect, it } from 'vitest';
import { replacingUrls, SeenImageUrls } from '../../../../../src/activities/worker/images/seen-image-urls.js';
import type { BananaHubClient, Job } from '../../../../../src/bananahub/client.js';
import { BananaHubError } from '../../../../../src/bananahub/errors.js';
import type { JobId } from '../../../../../src/domain/rows/ids.js';

const idOf = (job: number | string): JobId => `job-${job}` as JobId;
const a = idOf('a');

/** URLs by a clock that the test sets. */
const clocked = () => {
  const clock = { nowMs: 1_000_000 };
  return { clock, urls: new SeenImageUrls(() => clock.nowMs) };
};

it('a URL is given to one copy, of its own job', () => {
  const { urls } = clocked();
  urls.keep(a, 'https://images.example/a');
  expect(urls.take(idOf('b'))).toBeUndefined();
  expect(urls.take(a)).toBe('https://images.example/a');
  expect(urls.take(a)).toBeUndefined();
});

it('a URL older than a minute is not used, nor one from before the clock was set back', () => {
  for (const [laterMs, url] of [
    [60_000, 'https://images.example/a'],
    [60_001, undefined],
    [-1, undefined],
  ] as const) {
    const { clock, urls } = clocked();
    urls.keep(a, 'https://images.example/a');
    clock.nowMs += laterMs;
    expect(urls.take(a)).toBe(url);
  }
});

it('of more than a thousand URLs the oldest are dropped', () => {
  const { urls } = clocked();
  for (let job = 0; job <= 1_000; job++) urls.keep(idOf(job), `https://images.example/${job}`);
  expect(urls.take(idOf(0))).toBeUndefined();
  expect(urls.take(idOf(1))).toBe('https://images.example/1');
  expect(urls.take(idOf(1_000))).toBe('https://images.example/1000');
});

it('each later answer about a job replaces its URL, and adds none for jobs that no poll has seen done', async () => {
  const { urls } = clocked();
  let answer: Job | BananaHubError = { kind: 'done', imageUrl: 'https://images.example/fresh' };
  const service = {
    getJob: async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as Partial<BananaHubClient> as BananaHubClient;
  const api = replacingUrls(service, urls);

  await api.getJob(a);
  expect(urls.take(a)).toBeUndefined();
  urls.keep(a, 'https://images.example/stale');
  await api.getJob(a);
  expect(urls.take(a)).toBe('https://images.example/fresh');

  const ends: (Job | BananaHubError)[] = [
    { kind: 'unfinished', status: 'done' },
    { kind: 'failed', failure: 'flaky', message: 'internal error' },
    new BananaHubError('job-not-found', 'It is not known.', { status: 404 }),
  ];
  for (answer of ends) {
    urls.keep(a, 'https://images.example/stale');
    await api.getJob(a).catch(() => undefined);
    expect(urls.take(a)).toBeUndefined();
  }
  answer = new BananaHubError('unavailable', 'It failed.', { status: 502 });
  urls.keep(a, 'https://images.example/a');
  await expect(api.getJob(a)).rejects.toThrow('It failed.');
  expect(urls.take(a)).toBe('https://images.example/a');
});

it('the share of unused URLs tells how many copies ask again, in a process that copies none or all', () => {
  const { clock, urls } = clocked();
  for (let job = 0; job < 400; job++) {
    urls.keep(idOf(job), 'https://images.example/a');
    urls.take(idOf(job));
  }
  expect(urls.unusedShare).toBe(0);
  for (let job = 0; job < 400; job++) {
    clock.nowMs += 1_000;
    urls.keep(idOf(job), 'https://images.example/a');
  }
  expect(urls.unusedShare).toBeGreaterThan(0.98);
});
