import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountIdOf, isAccountId } from '../../../src/bananahub/account-id.js';
import { createEndpoint } from '../../../src/bananahub/client.js';
import { errorBodyMessage, errorCodeOf } from '../../../src/bananahub/texts/error-body.js';
import { retryAfterMs } from '../../../src/bananahub/http/connection-fault.js';
import { publicText } from '../../../src/bananahub/texts/service-text.js';

describe('the message in the body of a refused call', () => {
  it.each([
    ['a text', '{"detail": "Model paused"}', 'Model paused'],
    ['an object', '{"detail": {"message": "no funds", "field": null, "details": null}}', 'no funds'],
    [
      'a list of problems',
      '{"detail": [{"loc": ["body", "prompt"], "msg": "too short", "type": "x"}, {"loc": ["body", "images", 0], "msg": "no URL", "type": "y"}]}',
      'prompt: too short; images.0: no URL',
    ],
    ['a bare message', '{"message": "slow down"}', 'slow down'],
    ['a bare error', '{"error": "boom"}', 'boom'],
    [
      'an HTML page with a title',
      '<html><head><title>502 Bad Gateway</title></head><body>x</body></html>',
      '502 Bad Gateway',
    ],
    [
      'an HTML page without one',
      '<!DOCTYPE html><style>p {}</style><h1>Sorry</h1>\n<p>try later</p>',
      'Sorry try later',
    ],
    ['plain text', 'upstream connect error\r\n', 'upstream connect error'],
    ['nothing', '', ''],
    ['JSON that says nothing', '{"detail": null}', ''],
    ['an empty list', '{"detail": []}', ''],
    ['a JSON text', '"no"', 'no'],
  ])('is read from %s', (_shape, body, message) => {
    expect(errorBodyMessage(body)).toBe(message);
  });

  it('is one line of at most 300 characters, whatever the body is', () => {
    const bodies = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc.json(),
      fc.string({ minLength: 250, maxLength: 900 }).map((detail) => JSON.stringify({ detail })),
      fc.string({ maxLength: 400 }).map((text) => `<html><title>${text}</title>`),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        const message = errorBodyMessage(body);
        expect(Array.from(message).length).toBeLessThanOrEqual(300);
        expect(message).not.toMatch(/[\r\n\t\0]/);
      }),
    );
  });

  it('contains no signature of a URL', () => {
    const text = 'cannot fetch https://user:pw@img.test/a.png?X-Amz-Signature=deadbeef&b=1, sorry';
    expect(publicText(text)).toBe('cannot fetch https://img.test/a.png sorry');
    expect(publicText('see "http://h.test#token" or HTTP://h.test/x?k=v.')).toBe(
      'see "http://h.test" or HTTP://h.test/x',
    );
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 5, 11, 12, 0, 0);

  it.each([
    ['7', 7_000],
    [' 0 ', 0],
    ['1.5', 1_500],
    ['99999999', 86_400_000],
    ['Thu, 11 Jun 2026 12:00:30 GMT', 30_000],
    ['Thu, 11 Jun 2026 11:00:00 GMT', 0],
    ['Thursday, 11-Jun-26 12:00:01 GMT', 1_000],
    ['soon', undefined],
    ['-3', undefined],
    ['2026', 2_026_000],
    ['', undefined],
    [undefined, undefined],
  ])('"%s" means to wait %s ms', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
  });

  it('never means a negative time or more than a day', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') }), (date) => {
        const wait = retryAfterMs(date.toUTCString(), now);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(86_400_000);
      }),
    );
  });
});

describe('what a status means', () => {
  it.each([
    [400, '', 'create', 'invalid-request'],
    [401, '', 'create', 'unauthorized'],
    [402, '', 'create', 'insufficient-balance'],
    [403, '', 'create', 'forbidden'],
    [403, 'Model is paused', 'create', 'paused'],
    [404, '', 'create', 'unavailable'],
    [404, '', 'job', 'job-not-found'],
    [404, '', 'balance', 'unavailable'],
    [405, '', 'create', 'unavailable'],
    [408, '', 'create', 'unavailable'],
    [409, '', 'create', 'unavailable'],
    [413, '', 'create', 'invalid-request'],
    [422, '', 'create', 'invalid-request'],
    [422, 'prompt: "a paused film" is not allowed', 'create', 'invalid-request'],
    [422, '', 'job', 'unavailable'],
    [425, '', 'create', 'unavailable'],
    [429, '', 'create', 'rate-limited'],
    [429, 'paused due to high load', 'create', 'paused'],
    [500, '', 'job', 'unavailable'],
    [500, 'Project paused', 'create', 'paused'],
    [502, 'failed to upload inputs', 'create', 'upload-failed'],
    [502, 'failed to upload inputs', 'job', 'unavailable'],
    [503, '', 'job', 'paused'],
    [504, '', 'create', 'unavailable'],
    [520, '', 'create', 'unavailable'],
    [527, '', 'job', 'unavailable'],
    [301, '', 'create', 'unavailable'],
    [302, '', 'job', 'unavailable'],
  ] as const)('%i "%s" to a %s is %s', (status, message, operation, code) => {
    expect(errorCodeOf(status, message, operation)).toBe(code);
  });
});

describe('the endpoint of a create', () => {
  const request = { prompt: 'a cat', aspectRatio: '1:1', resolution: '2K' } as const;

  it.each([
    ['nb', '/nb/', {}],
    ['nb2', '/nb2/', { resolution: '2K' }],
    ['pro', '/', { resolution: '2K' }],
  ] as const)('for %s is below %s, and its body has only fields of the endpoint', (model, path, sized) => {
    const body = { prompt: 'a cat', aspect_ratio: '1:1', ...sized };
    expect(createEndpoint({ ...request, model, inputImageUrls: [] })).toEqual({
      path: `${path}text-generations`,
      body,
    });
    const inputImageUrls = ['https://host.example/a.png'];
    const callbackUrl = 'https://hook.example/';
    expect(createEndpoint({ ...request, model, inputImageUrls, callbackUrl })).toEqual({
      path: `${path}url-generations`,
      body: { ...body, input_images_urls: inputImageUrls, callback_url: callbackUrl },
    });
  });
});

describe('the account id', () => {
  it('is the origin and a fingerprint, independent of the path, and differs for another key', () => {
    const account = accountIdOf(new URL('https://bananahub.io/api/v1'), 'secret-key');
    expect(account).toMatch(/^https:\/\/bananahub\.io#[0-9a-f]{12}$/);
    expect(account).not.toContain('secret');
    expect(accountIdOf(new URL('https://bananahub.io/v2'), 'secret-key')).toBe(account);
    expect(accountIdOf(new URL('https://bananahub.io/api/v1'), 'other-key')).not.toBe(account);
    expect(isAccountId(account)).toBe(true);
    expect(isAccountId('https://bananahub.io')).toBe(false);
  });
});
