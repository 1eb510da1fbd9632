import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_BASE_URL, readConfig, requireParts, requireSound } from '../../src/config.js';
import type { StackInfo } from '../../src/local/servers/stack-info.js';
import { UsageError } from '../../src/errors.js';

const stack: StackInfo = {
  pid: 1,
  startedAt: '2026-06-11T12:00:00.000Z',
  temporal: { address: '127.0.0.1:7233', namespace: 'default', uiUrl: 'http://127.0.0.1:8233' },
  s3: {
    endpoint: 'http://127.0.0.1:9000',
    region: 'us-east-1',
    bucket: 'bananas',
    accessKeyId: 'key',
    secretAccessKey: 'stack-secret',
  },
  api: { baseUrl: 'http://127.0.0.1:4000/api/v1', apiKey: 'sandbox-key' },
};

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('It was not refused.');
};

const allows = (text: string | undefined, folder?: StackInfo) =>
  readConfig({ BANANAHUB_API_KEY: folder ? '' : 'k', BANANA_ALLOW_PRIVATE_ADDRESSES: text }, folder).api
    ?.allowPrivateAddresses;

describe('the configuration', () => {
  it('reports all problems at once, and no secret', () => {
    const config = readConfig(
      {
        BANANA_BUCKET: 's3://bananas/folder',
        BANANA_PREFIX: 'a/../b',
        BANANAHUB_BASE_URL: 'bananahub.io',
        BANANAHUB_API_KEY: 'very-secret',
      },
      undefined,
    );
    const message = messageOf(() => requireSound(config));
    for (const name of ['BANANA_BUCKET', 'BANANA_PREFIX', 'BANANAHUB_BASE_URL'])
      expect(message).toContain(name);
    expect(message).not.toContain('very-secret');
  });

  it('refuses an invalid part when it is read, and no other part', () => {
    const config = readConfig(
      { BANANA_BUCKET: 's3://b', BANANAHUB_API_KEY: 'k', BANANA_NOTIFY_URL: 'x' },
      stack,
    );
    expect(messageOf(() => config.bucket)).toContain('BANANA_BUCKET');
    expect(messageOf(() => ({ ...config }))).toContain('BANANA_BUCKET');
    expect(messageOf(() => requireParts(config, ['api', 'bucket', 'webhooks']))).toMatch(
      /BANANA_BUCKET.*BANANA_WEBHOOK_URL/,
    );
    expect(requireParts(config, ['api', 'temporal'])).toEqual({ api: config.api, temporal: config.temporal });
    expect(messageOf(() => requireSound(config))).toMatch(/BANANA_BUCKET.*BANANA_NOTIFY_SECRET/);
  });

  it('reads prices as exact decimals, and reports all their problems', () => {
    const good = { BANANA_PRICES: '{"pro":{"1K":"0.039","4K":"0.24"},"nb":{}}' };
    expect(readConfig(good, undefined).prices?.get('pro')?.get('4K')).toBe('0.24');
    expect(readConfig({ BANANA_PRICES: ' ' }, undefined).prices).toBeUndefined();
    const bad = '{"pro":{"1K":0.04,"8K":"1","2K":"-1"},"nb":{"2K":"1"},"dall-e":{"1K":"1"}}';
    const message = messageOf(() =>
      requireSound(readConfig({ BANANA_PRICES: bad, BANANA_PREFIX: '..' }, undefined)),
    );
    for (const part of [
      'pro 1K is 0.04',
      'pro has no resolution "8K"',
      'pro 2K is "-1"',
      'nb has no resolution "2K": expected 1K.',
      '"dall-e"',
      'PREFIX',
    ])
      expect(message).toContain(part);
    for (const text of ['0.04', '[]', '{"pro":"0.04"}', '{'])
      expect(messageOf(() => requireSound(readConfig({ BANANA_PRICES: text }, undefined)))).toContain(
        'must be JSON such as',
      );
  });

  it.each(['two words', 'bananahub-…', 'ключ'])(
    'refuses a key that is not valid in a header: %s',
    (apiKey) => {
      const message = messageOf(() => requireSound(readConfig({ BANANAHUB_API_KEY: apiKey }, undefined)));
      expect(message).toContain('BANANAHUB_API_KEY');
      expect(message).not.toContain(apiKey);
    },
  );

  it.each(['https://user:word@host.test/v1', 'https://host.test/v1?key=word', 'https://host.test/v1#word'])(
    'refuses a base URL with user name, query or fragment, without repeating it: %s',
    (baseUrl) => {
      const message = messageOf(() => requireSound(readConfig({ BANANAHUB_BASE_URL: baseUrl }, undefined)));
      expect(message).toContain('BANANAHUB_BASE_URL');
      expect(message).not.toContain('word');
    },
  );

  it('treats an empty variable as unset', () => {
    const empty = {
      BANANA_BUCKET: '',
      BANANA_PREFIX: '',
      BANANAHUB_API_KEY: '',
      BANANAHUB_BASE_URL: '',
      TEMPORAL_ADDRESS: '',
      AWS_ENDPOINT_URL_S3: '',
      BANANA_TASK_QUEUE: '',
    };
    const config = readConfig(empty, undefined);
    expect(config).toMatchObject({ temporal: undefined, bucket: undefined, api: undefined });
    expect(config.taskQueue).toBe('banana-batch');
    expect(readConfig({ ...empty, BANANAHUB_API_KEY: 'k' }, undefined).api?.baseUrl).toBe(DEFAULT_BASE_URL);
  });

  it('opens private networks to image URLs only with an explicit true', () => {
    expect([undefined, '', 'false', 'true'].map((text) => allows(text))).toEqual([false, false, false, true]);
    expect([undefined, 'true'].map((text) => allows(text, stack))).toEqual([false, true]);
    for (const text of ['1', 'yes', 'TRUE'])
      expect(messageOf(() => allows(text))).toContain('BANANA_ALLOW_PRIVATE_ADDRESSES');
  });

  it('prefers the environment to the folder’s local servers, part by part', () => {
    const config = readConfig({ BANANA_BUCKET: 'mine', BANANAHUB_API_KEY: 'real-key' }, stack);
    expect(config.bucket).toMatchObject({ origin: 'environment', bucket: 'mine', s3: {} });
    expect(config.api).toMatchObject({ origin: 'environment', apiKey: 'real-key' });
    expect(config.temporal).toMatchObject({ origin: 'stack', address: '127.0.0.1:7233' });
  });

  it('never sends a real key to the local sandbox', () => {
    const config = readConfig({ BANANAHUB_API_KEY: 'real-key' }, stack);
    expect(config.api?.baseUrl).toBe(DEFAULT_BASE_URL);
  });

  it('normalizes any prefix to nothing or folder names with one final slash', () => {
    const part = fc.string({ unit: fc.constantFrom(...Array.from('abc-_.')), minLength: 1, maxLength: 6 });
    const slashes = fc.constantFrom('', '/', '//');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), slashes, slashes, (parts, before, after) => {
        const text = `${before}${parts.join('/')}${after}`;
        const read = () =>
          readConfig({ BANANA_BUCKET: 'mine', BANANA_PREFIX: text }, undefined).bucket?.prefix;
        const refused = parts.some((name) => name === '.' || name === '..');
        const expected = parts.length === 0 ? '' : `${parts.join('/')}/`;
        expect(refused ? /BANANA_PREFIX/.test(messageOf(read)) : read() === expected).toBe(true);
      }),
    );
    expect(() => readConfig({ BANANA_PREFIX: 'a//b' }, undefined).bucket).toThrow(/BANANA_PREFIX/);
  });

  it('lists every missing part, and how to continue, in one message', () => {
    const config = readConfig({}, undefined);
    const message = messageOf(() => requireParts(config, ['temporal', 'bucket', 'api']));
    for (const name of ['TEMPORAL_ADDRESS', 'BANANA_BUCKET', 'BANANAHUB_API_KEY', 'banana-batch dev'])
      expect(message).toContain(name);
    expect(requireParts(readConfig({}, stack), ['temporal', 'bucket', 'api']).bucket.bucket).toBe('bananas');
  });
});
