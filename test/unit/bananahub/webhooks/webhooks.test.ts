import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../../src/config.js';
import type { BatchId, JobId } from '../../../../src/domain/rows/ids.js';
import {
  fallbackPollDelayMs,
  AwaitedJobs,
  WebhookTrust,
} from '../../../../src/bananahub/webhooks/worker-webhooks.js';
import { UsageError } from '../../../../src/errors.js';
import {
  callbackPath,
  isGenuine,
  parseCallbackPath,
  type CallbackRef,
  answerToHealthPath,
  healthAnswer,
  healthPath,
} from '../../../../src/bananahub/webhooks/callback-path.js';
import { SeenDeliveries } from '../../../../src/bananahub/webhooks/delivery-queue.js';

const SECRET = 'a3f1c2d4e5b6978810feedc0ffee1234567890ab';
const OTHER_SECRET = '0123456789abcdef0123456789abcdef';

const index = fc.oneof(fc.nat(20), fc.nat(999_999_999));
const batchId = fc
  .stringMatching(/^[a-z0-9][a-z0-9._-]{0,79}$/)
  .filter((text) => text.length <= 80)
  .map((text) => text as BatchId);
const refs: fc.Arbitrary<CallbackRef> = fc.record({
  batchId,
  runSeq: index,
  shard: index,
  row: index,
  generation: index,
});
const admits = (path: string, secrets: readonly string[] = [SECRET]): CallbackRef | undefined => {
  const parsed = parseCallbackPath(path);
  return parsed && isGenuine(parsed, secrets) ? parsed.ref : undefined;
};

describe('the path of a callback', () => {
  it('leads back to its generation, needs no escaping, and is unique', () => {
    fc.assert(
      fc.property(refs, refs, (ref, other) => {
        const path = callbackPath(ref, SECRET);
        expect(admits(path)).toEqual(ref);
        expect(new URL(`https://hooks.test/a${path}`).pathname).toBe(`/a${path}`);
        const isSame = JSON.stringify(ref) === JSON.stringify(other);
        expect(callbackPath(other, SECRET) === path).toBe(isSame);
        const otherToken = callbackPath(other, SECRET).slice(-43);
        expect(admits(path.slice(0, -43) + otherToken) !== undefined).toBe(isSame);
      }),
    );
  });

  it('is refused with any bit changed, anything added, or another secret', () => {
    fc.assert(
      fc.property(
        refs,
        fc.nat(),
        fc.nat(7),
        fc.string({ minLength: 1, maxLength: 3 }),
        (ref, place, bit, more) => {
          const path = callbackPath(ref, SECRET);
          const bytes = Buffer.from(path, 'latin1');
          const at = place % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
          expect(admits(bytes.toString('latin1'))).toBeUndefined();
          expect(admits(path + more)).toBeUndefined();
          expect(admits(more + path)).toBeUndefined();
          expect(admits(path, [OTHER_SECRET])).toBeUndefined();
          expect(admits(path, [OTHER_SECRET, SECRET])).toEqual(ref);
        },
      ),
    );
    const path = callbackPath(
      { batchId: 'b' as BatchId, runSeq: 1, shard: 0, row: 7, generation: 1 },
      SECRET,
    );
    for (const bits of ['/01/', '/1e0/', '/+1/', '/1.0/', '/ 1/', '/-1/', '/0x1/', '//'])
      expect(parseCallbackPath(path.replace('/1/', bits))).toBeUndefined();
    expect(parseCallbackPath(`${path}\n`)).toBeUndefined();
  });
});

describe('the health path', () => {
  it('is answered only with the secret, and requested only with it', () => {
    const nonce = 'some-nonce-0123456789';
    const path = healthPath(nonce, SECRET);
    expect(answerToHealthPath(path, [OTHER_SECRET, SECRET])).toBe(healthAnswer(nonce, SECRET));
    expect(answerToHealthPath(path, [OTHER_SECRET])).toBeUndefined();
    expect(
      answerToHealthPath(`/v1/health/${nonce}/${healthAnswer(nonce, SECRET)}`, [SECRET]),
    ).toBeUndefined();
    expect(answerToHealthPath(path.replace('nonce', 'other'), [SECRET])).toBeUndefined();
    expect(parseCallbackPath(path)).toBeUndefined();
  });
});

const read = (url: string | undefined, secret: string | undefined) =>
  readConfig({ BANANA_WEBHOOK_URL: url, BANANA_WEBHOOK_SECRET: secret }, undefined).webhooks;

const refusal = (url: string | undefined, secret: string | undefined): string => {
  try {
    read(url, secret);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
  }
  return '';
};

describe('the webhook configuration', () => {
  it('accepts public URLs with TLS, private hosts without, and a secret that is being replaced', () => {
    expect(read('', undefined)).toBeUndefined();
    expect(read('https://hooks.test/banana/', `${SECRET}, ${OTHER_SECRET}`)).toEqual({
      url: 'https://hooks.test/banana',
      secrets: [SECRET, OTHER_SECRET],
    });
    for (const host of [
      'localhost:80',
      'app.localhost',
      '127.0.0.1:1',
      '10.1.2.3',
      '[::1]:8787',
      'webhooks:8787',
    ])
      expect(read(`http://${host}`, SECRET)?.url).toBe(`http://${host}`);
  });

  it('reports what is wrong and how to make a secret, without repeating one', () => {
    for (const url of [
      'http://hooks.test',
      'http://8.8.8.8',
      'https://u:p@hooks.test',
      'https://h.test/?a',
      'ftp://x',
      'h',
    ])
      expect(refusal(url, SECRET)).toContain('BANANA_WEBHOOK_URL');
    for (const secret of ['short', 'a'.repeat(64), `${SECRET} ${SECRET}`, `${SECRET},`, 'ключ'.repeat(20)]) {
      const message = refusal('https://hooks.test', secret);
      expect(message).toContain('openssl rand -hex 32');
      expect(message).not.toContain(secret);
    }
    expect(refusal('https://hooks.test', undefined)).toContain('BANANA_WEBHOOK_SECRET');
    expect(refusal(undefined, SECRET)).toContain('BANANA_WEBHOOK_URL');
    expect(refusal('ftp://x', 'short')).toMatch(/BANANA_WEBHOOK_URL.*BANANA_WEBHOOK_SECRET/);
  });
});

describe('deliveries', () => {
  it('of one generation and job are checked once, and those of one generation only a few times', () => {
    const seen = new SeenDeliveries();
    const [job, other] = ['job' as JobId, 'other' as JobId];
    expect(seen.admits('row', job)).toBe(true);
    expect(seen.admits('row', job)).toBe(false);
    expect(seen.admits('row', other)).toBe(true);
    seen.release('row', job);
    expect(seen.admits('row', job)).toBe(true);
    expect(seen.admits('next row', job)).toBe(true);
    const more = Array.from({ length: 50 }, (_, count) => seen.admits('row', `job-${count}` as JobId));
    expect(more.filter(Boolean)).toHaveLength(1);
  });

  it('end the current waits, and none that starts later', () => {
    const awaited = new AwaitedJobs();
    const first = awaited.enter('row');
    const end = awaited.endOf('row');
    const later = awaited.enter('row');
    first.dispose();
    end();
    expect([first.ended.aborted, later.ended.aborted]).toEqual([true, false]);
    awaited.endOf('row')();
    expect(later.ended.aborted).toBe(true);
  });
});

describe('a wait for a webhook', () => {
  it('polls later and less often than without webhooks, and never stops polling', () => {
    const ms = fc.nat(3_600_000);
    fc.assert(
      fc.property(ms, ms, fc.nat(1000), (usualDelayMs, ageMs, polls) => {
        const delayMs = fallbackPollDelayMs({ usualDelayMs, ageMs, polls });
        expect(delayMs).toBeGreaterThanOrEqual(usualDelayMs);
        expect(delayMs).toBeLessThanOrEqual(Math.max(15_000, usualDelayMs + 50_000));
      }),
    );
  });

  it('is replaced by normal polling for some minutes if webhooks do not arrive', () => {
    const trust = new WebhookTrust();
    for (let missed = 0; missed < 4; missed++) trust.noteMissed(0);
    trust.noteCame();
    for (let missed = 0; missed < 4; missed++) trust.noteMissed(0);
    expect(trust.isGiven(0)).toBe(true);
    trust.noteMissed(0);
    expect([0, 299_999, 300_000].map((nowMs) => trust.isGiven(nowMs))).toEqual([false, false, true]);
    trust.noteMissed(300_000);
    expect(trust.isGiven(300_001)).toBe(false);
    trust.noteCame();
    expect(trust.isGiven(300_001)).toBe(true);
  });
});
