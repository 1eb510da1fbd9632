import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { retryOrHold } from '../../../src/activities/retry-or-hold.js';
import {
  batchFault,
  mayHaveCreated,
  meaningOf,
  meaningOfApiError,
  meaningOfDownloadError,
  meaningOfStorageError,
  wrongAccount,
} from '../../../src/activities/hold-causes.js';
import { BananaHubError, type BananaHubErrorCode } from '../../../src/bananahub/errors.js';
import { ImageDownloadError } from '../../../src/bananahub/images/image-download-error.js';
import { BATCH_FAULT } from '../../../src/domain/batch/holds.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { FRESH_BUDGET } from '../../../src/domain/batch/fault-budget.js';
import { StorageError, type StorageErrorCode } from '../../../src/storage/object-store.js';

const api = (code: BananaHubErrorCode): BananaHubError => new BananaHubError(code, 'as the service said');
const MODEL = 'model:pro:text';

const network = (code: string): BananaHubError =>
  new BananaHubError('network', 'broken', { cause: Object.assign(new Error(code), { code }) });

const fault = (code: ImageDownloadError['code'], status?: number) =>
  meaningOfDownloadError(new ImageDownloadError(code, 'host', status === undefined ? {} : { status }))?.kind;

const odd = (code: BananaHubErrorCode, status: number) => new BananaHubError(code, 'words', { status });

const causeOf = (error: BananaHubError | ImageDownloadError) => {
  const meaning = meaningOf(error, 'pro:text');
  return meaning && 'cause' in meaning ? meaning.cause : meaning;
};

describe('the meaning of an API error', () => {
  it.each([
    ['unauthorized', 'hold account', 'hold account'],
    ['insufficient-balance', 'hold account', 'hold account'],
    ['forbidden', `hold ${MODEL}`, 'hold account'],
    ['paused', `hold ${MODEL}`, 'passing service'],
    ['job-not-found', 'gone', 'gone'],
    ['invalid-request', 'invalid', 'invalid'],
    ['rate-limited', 'passing service', 'passing service'],
    ['unavailable', 'passing service', 'passing service'],
    ['timeout', 'passing service', 'passing service'],
    ['network', 'passing service', 'passing service'],
    ['bad-answer', 'passing service', 'passing service'],
  ] as const)('%s: on a create %s, on a poll %s', (code, create, look) => {
    const meanings = [meaningOfApiError(api(code), 'pro:text'), meaningOfApiError(api(code))].map((meaning) =>
      'cause' in meaning ? `${meaning.kind} ${meaning.cause.scope}` : meaning.kind,
    );
    expect(meanings).toEqual([create, look]);
  });

  it.each([
    ['unauthorized', /BANANAHUB_API_KEY/],
    ['insufficient-balance', /Top up/],
    ['forbidden', /Give the key access/],
    ['paused', /when it is available again/],
    ['unavailable', /continues by itself/],
  ] as const)(
    '%s explains in our own words how it ends, and keeps the service’s text for the bucket',
    (code, remedy) => {
      const meaning = meaningOfApiError(api(code), 'pro:text');
      if (!('cause' in meaning)) throw new Error('it holds the batch');
      expect(JSON.stringify(meaning.cause)).not.toContain('as the service said');
      expect(meaning.text).toBe('as the service said');
      expect(meaning.cause.message).toMatch(remedy);
    },
  );

  it('depends on code, status and the connection’s own code', () => {
    for (const [error, status, message] of [
      [network('ECONNRESET'), undefined, '(no connection: ECONNRESET)'],
      [network('a word of the other side'), undefined, '(no connection)'],
      [odd('unavailable', 502), 502, '(status 502)'],
      [odd('unavailable', 404), 404, '(status 404: BANANAHUB_BASE_URL is not the API)'],
      [odd('bad-answer', 200), 200, '(status 200 with an unusable answer)'],
      [odd('paused', 503), 503, 'paused pro:text (status 503)'],
      [
        new ImageDownloadError('network', 'words', { cause: network('ETIMEDOUT').cause }),
        undefined,
        'ETIMEDOUT',
      ],
      [new ImageDownloadError('unavailable', 'words', { status: 503 }), 503, '(status 503)'],
    ] as const) {
      expect(causeOf(error)).toMatchObject({ message: expect.stringContaining(message) });
      expect(causeOf(error)).toMatchObject(status === undefined ? { scope: 'service' } : { status });
    }
    expect(causeOf(odd('invalid-request', 413))).toMatchObject({
      message: 'BananaHub refused the request (413).',
      text: 'words',
    });
  });

  it('is a hold if the service refuses the webhook URL, which is no row’s fault', () => {
    const error = new BananaHubError('invalid-request', 'callback_url: URL scheme should be https');
    expect(meaningOfApiError(error, 'pro:text')).toMatchObject({
      kind: 'hold',
      cause: { scope: 'account', message: expect.stringContaining('BANANA_WEBHOOK_URL') },
    });
    const quoted = new BananaHubError('invalid-request', 'prompt: "callback_url: x" is not allowed');
    expect(meaningOfApiError(quoted, 'pro:text').kind).toBe('invalid');
  });

  it('includes how long the service asked to wait', () => {
    const error = new BananaHubError('rate-limited', 'slow down', { retryAfterMs: 7_000 });
    expect(meaningOfApiError(error)).toMatchObject({ kind: 'passing', cause: { retryAfterMs: 7_000 } });
    const paused = new BananaHubError('paused', 'high load', { retryAfterMs: 60_000 });
    expect(meaningOfApiError(paused, 'pro:text')).toMatchObject({
      kind: 'hold',
      cause: { retryAfterMs: 60_000 },
    });
    expect(meaningOfApiError(api('rate-limited'))).not.toHaveProperty('cause.retryAfterMs');
  });
});

describe('a create without a job', () => {
  it.each(['unavailable', 'timeout', 'network', 'bad-answer'] as const)('may have made a job: %s', (code) => {
    expect(mayHaveCreated(api(code))).toBe(true);
  });

  it.each([
    'unauthorized',
    'insufficient-balance',
    'forbidden',
    'paused',
    'rate-limited',
    'invalid-request',
  ] as const)('has certainly made no job: %s', (code) => {
    expect(mayHaveCreated(api(code))).toBe(false);
  });

  it('has certainly made no job without a connection, and may have made one if it broke', () => {
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH'])
      expect(mayHaveCreated(network(code))).toBe(false);
    for (const code of ['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE'])
      expect(mayHaveCreated(network(code))).toBe(true);
  });
});

describe('the meaning of a bucket error', () => {
  it.each([
    ['denied', 'hold'],
    ['bad-credentials', 'hold'],
    ['bucket-missing', 'hold'],
    ['not-found', 'passing'],
    ['precondition-failed', 'passing'],
    ['unreachable', 'passing'],
    ['unavailable', 'passing'],
    ['corrupted', 'passing'],
    ['other', 'passing'],
  ] satisfies [StorageErrorCode, string][])('%s: %s, and only storage is held', (code, kind) => {
    const error = new StorageError(code, { bucket: 'b', key: 'a-red-fox' }, 'put s3://b/a-red-fox failed.');
    const meaning = meaningOfStorageError(error);
    expect(meaning).toMatchObject({ kind, cause: { scope: 'storage', code } });
    expect(JSON.stringify(meaning)).toContain(`The bucket b cannot be used (${code}).`);
    // A key contains a row's id or the beginning of its prompt.
    expect(JSON.stringify(meaning)).not.toContain('fox');
  });
});

describe('the meaning of a failed download', () => {
  it('is the host’s fault if it does not answer, and the image’s if only this image is wrong', () => {
    expect(fault('network')).toBe('passing');
    expect(fault('timeout')).toBe('passing');
    expect(fault('unavailable', 503)).toBe('passing');
    expect(fault('unavailable', 404)).toBeUndefined();
    for (const code of ['expired', 'truncated', 'too-large', 'unsafe-address'] as const)
      expect(fault(code)).toBeUndefined();
  });
});

describe('failures for workflows', () => {
  it('of the batch are not retried by Temporal and carry their cause', () => {
    const cause = { scope: 'account', code: 'unauthorized', message: 'why' } as const;
    const failure = batchFault({ cause, unansweredSinceMs: 5 });
    expect(failure).toMatchObject({ type: BATCH_FAULT, nonRetryable: true, message: 'why' });
    expect(failure.details).toEqual([{ cause, unansweredSinceMs: 5 }]);
  });

  it('hold the batch once a temporary fault has used up its limit', () => {
    const meaning = meaningOfApiError(api('unavailable'));
    if (meaning.kind !== 'passing') throw new Error('it passes');
    const bear = (tryMs: number) =>
      retryOrHold(meaning, {
        budget: FRESH_BUDGET,
        tryMs,
        limits: { serviceFaultMs: 1_000, storageFaultMs: 0 },
      });
    expect(bear(999).budget.tries).toBe(1);
    expect(() => bear(1_000)).toThrow(ApplicationFailure);
  });

  it('hold the batch at once if the service asks to wait too long, and report how long', () => {
    const limits = { serviceFaultMs: 120_000, storageFaultMs: 0 };
    const after = (retryAfterMs: number, spentMs = 0) => {
      const meaning = meaningOfApiError(new BananaHubError('rate-limited', 'slow down', { retryAfterMs }));
      if (meaning.kind !== 'passing') throw new Error('it passes');
      try {
        return retryOrHold(meaning, { budget: { spentMs, tries: 0 }, tryMs: 10, limits }).delayMs;
      } catch (error) {
        return error instanceof ApplicationFailure ? error.details : error;
      }
    };
    expect(after(60_000)).toBe(60_000);
    const held = [{ cause: { scope: 'service', code: 'rate-limited', retryAfterMs: 7_200_000 } }];
    expect(after(7_200_000)).toMatchObject(held);
    expect(after(60_000, 70_000)).toMatchObject([{ cause: { retryAfterMs: 60_000 } }]);
  });

  it('are caused by several faults, however long the interrupted work was', () => {
    const meaning = meaningOfStorageError(new StorageError('unavailable', { bucket: 'b' }, 'broken off'));
    if (meaning.kind !== 'passing') throw new Error('it passes');
    const limits = { serviceFaultMs: 3_600_000, storageFaultMs: 60_000 };
    const broken = { tryMs: 3_600_000, limits };
    const { budget } = retryOrHold(meaning, { budget: FRESH_BUDGET, ...broken });
    expect(() => retryOrHold(meaning, { budget, ...broken })).toThrow(ApplicationFailure);
  });

  it('are not caused by our own defects', () => {
    expect(meaningOf(new TypeError('defect'))).toBeUndefined();
  });
});

describe('the hold for a worker with another account’s key', () => {
  it('names both accounts and what to do, also for a rotated key', () => {
    const { message } = wrongAccount({ batchId: 'spring' as BatchId }, 'a#1', 'a#2');
    for (const part of ['a#1', 'a#2', "batch's own key", 'banana-batch resume spring --rebind'])
      expect(message).toContain(part);
  });
});
