import { describe, expect, it } from 'vitest';
import { jobJson, type Job } from '../../../../../src/local/sandbox/jobs/job.js';
import { decideFate } from '../../../../../src/local/sandbox/jobs/job-fate.js';
import {
  MISBEHAVIOUR_NAMES,
  type MisbehaviourName,
  Misbehaviour,
} from '../../../../../src/local/sandbox/misbehaviour.js';
import { applyPatch, DEFAULT_SETTINGS } from '../../../../../src/local/sandbox/options.js';

function fateOf(prompt: string, jobsBefore = 0, rates: Partial<Record<MisbehaviourName, number>> = {}) {
  const misbehaviour = new Misbehaviour('seed', (name) => rates[name] ?? 0);
  const jobTimeMs = { min: 100, max: 300 };
  return decideFate({ misbehaviour, seed: 'seed', account: 'a', prompt, jobsBefore, jobTimeMs });
}

describe('the fate of a job', () => {
  it.each([
    ['[[refuse]] x', 0, { kind: 'failed', failure: 'refused' }],
    ['x [[flaky]]', 0, { kind: 'failed', failure: 'flaky' }],
    ['x [[flaky]]', 1, { kind: 'done' }],
    ['x [[flaky-always]]', 5, { kind: 'failed', failure: 'flaky' }],
    ['x [[unknown-failure]]', 2, { kind: 'failed', failure: 'unknown' }],
    ['x [[lost]]', 0, { kind: 'lost' }],
    ['x [[no-image]]', 0, { kind: 'imageless' }],
    ['x', 0, { kind: 'done' }],
  ])('of "%s" after %i jobs follows its marker', (prompt, jobsBefore, end) => {
    expect(fateOf(prompt, jobsBefore).end).toMatchObject(end);
  });

  it('is the same for the same prompt and count, and fails at the given rate', () => {
    const prompts = Array.from({ length: 2000 }, (_, index) => `prompt ${index}`);
    const rates = { 'job-flaky': 0.1 };
    const failed = (list: readonly string[]) =>
      list.filter((prompt) => fateOf(prompt, 0, rates).end.kind === 'failed');
    expect(failed(prompts.toReversed()).toReversed()).toEqual(failed(prompts));
    expect(failed(prompts).length).toBeGreaterThan(150);
    expect(failed(prompts).length).toBeLessThan(250);
  });

  it('takes a time within the range', () => {
    const times = Array.from({ length: 200 }, (_, index) => fateOf(`prompt ${index}`).takesMs);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...times)).toBeLessThanOrEqual(300);
    expect(new Set(times).size).toBeGreaterThan(50);
  });

  it('takes the seconds that its prompt names', () => {
    expect(fateOf('x [[takes:25s]]')).toEqual({ end: { kind: 'done' }, takesMs: 25_000 });
    expect(fateOf('[[flaky]] x [[takes:0s]]')).toMatchObject({ end: { kind: 'failed' }, takesMs: 0 });
  });
});

function decisions(seed: string): readonly boolean[] {
  const misbehaviour = new Misbehaviour(seed, () => 0.5);
  return Array.from({ length: 100 }, () => misbehaviour.plays('poll-conflict'));
}

describe('a poll', () => {
  const job: Job = {
    id: 'id',
    account: 'a',
    model: 'pro',
    mode: 'text',
    prompt: 'x',
    aspectRatio: '1:1',
    resolution: '1K',
    idempotencyKey: null,
    requestDigest: '',
    callbackUrl: null,
    price: '0.08',
    createdAt: Date.UTC(2026, 5, 11, 12),
    startedAt: Date.UTC(2026, 5, 11, 12, 0, 1),
    finishedAt: Date.UTC(2026, 5, 11, 12, 0, 9),
    end: { kind: 'done' },
  };
  const created = { job_id: 'id', created_at: '2026-06-11T12:00:00Z' };
  const started = { ...created, started_at: '2026-06-11T12:00:01Z' };
  const finished = { ...started, finished_at: '2026-06-11T12:00:09Z' };
  const nothing = { finished_at: null, result: null, error: null };

  it.each([
    ['before its start', 999, { ...created, ...nothing, status: 'queued', started_at: null }],
    ['at its start', 1000, { ...started, ...nothing, status: 'processing' }],
    ['just before its end', 8999, { ...started, ...nothing, status: 'processing' }],
    ['at its end', 9000, { ...finished, status: 'done', result: { image_url: 'url' }, error: null }],
  ])('of a job %s shows the state for that time', (_when, afterMs, json) => {
    expect(jobJson(job, job.createdAt + afterMs, () => 'url')).toEqual(json);
  });

  it('of a failed job shows the text and no result', () => {
    const failed: Job = { ...job, end: { kind: 'failed', failure: 'flaky', text: 'timeout' } };
    const json = { ...finished, status: 'failed', result: null, error: 'timeout' };
    expect(jobJson(failed, job.finishedAt, () => 'url')).toEqual(json);
  });
});

describe('misbehaviour', () => {
  it('makes the same decisions for the same seed, and others for another', () => {
    expect(decisions('one')).toEqual(decisions('one'));
    expect(decisions('one')).not.toEqual(decisions('two'));
  });

  it('plays what was requested at the next occasions, and counts it', () => {
    const misbehaviour = new Misbehaviour('seed', () => 0);
    misbehaviour.order('image-cut', 2);
    const played = Array.from({ length: 4 }, () => misbehaviour.plays('image-cut'));
    expect(played).toEqual([true, true, false, false]);
    expect(misbehaviour.played()).toEqual({ 'image-cut': 2 });
  });
});

describe('settings', () => {
  it('set everything to one rate, with exceptions, and keep what a patch leaves out', () => {
    const first = applyPatch(DEFAULT_SETTINGS, { everything: 0.03, rates: { 'image-cut': 0.5 } });
    expect(MISBEHAVIOUR_NAMES.filter((name) => first.rates[name] !== 0.03)).toEqual(['image-cut']);
    const second = applyPatch(first, { outage: { images: 'drop' }, prices: { pro: { '4K': '9' } } });
    expect(second.rates).toEqual(first.rates);
    expect(second.outage).toEqual({ api: 'none', images: 'drop' });
    expect(second.prices.pro).toEqual({ ...DEFAULT_SETTINGS.prices.pro, '4K': '9' });
    expect(applyPatch(second, { everything: 0 }).rates['image-cut']).toBe(0);
  });
});
