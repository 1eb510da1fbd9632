import { createHash } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDownloadAgent } from '../../../../src/bananahub/images/download-agent.js';
import { ImageDownloadError } from '../../../../src/bananahub/images/image-download-error.js';
import { downloadImage, type ImageDownloadOptions } from '../../../../src/bananahub/images/image-download.js';
import { type ScriptedServer, startScriptedServer } from '../../../support/services/scripted-server.js';

const SECRET = '?X-Amz-Signature=f00dcafe';
const image = Buffer.alloc(3_000_000, 'banana');

let server: ScriptedServer;
let open: Agent;
let guarded: Agent;

beforeAll(async () => {
  server = await startScriptedServer();
  open = createDownloadAgent({ allowPrivateAddresses: true });
  guarded = createDownloadAgent({ lookup: inwardLookup });
});
afterAll(async () => {
  await Promise.all([open.destroy(), guarded.destroy()]);
  await server.close();
});

/** Every name leads to this machine, as in a rebinding attack. */
const inwardLookup: LookupFunction = (_hostname, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

function serve(
  status: number,
  body: Uint8Array | string,
  headers: Record<string, string | number> = {},
): void {
  server.answerWith((_request, response) => response.writeHead(status, headers).end(body));
}

function get(options: Partial<ImageDownloadOptions> = {}, url = `${server.origin}/a.png${SECRET}`) {
  return downloadImage(url, { agent: open, ...options });
}

async function failureOf(download: Promise<unknown>): Promise<ImageDownloadError> {
  try {
    await download;
  } catch (error) {
    if (!(error instanceof ImageDownloadError)) throw error;
    const message = `${error.message} ${error.stack} ${JSON.stringify(error)}`;
    if (/f00dcafe|a\.png/.test(message))
      throw new Error(`The error gives the URL away: ${message}`, { cause: error });
    return error;
  }
  throw new Error('The download should have failed.');
}

describe('a download', () => {
  it('returns the whole body and its sha256, with and without a declared length', async () => {
    const expected = { body: image, sha256: createHash('sha256').update(image).digest('hex') };
    serve(200, image, { 'content-length': image.length });
    expect(same(await get(), expected)).toBe(true);
    serve(200, image, { 'transfer-encoding': 'chunked' });
    expect(same(await get(), expected)).toBe(true);
    serve(200, image, { 'transfer-encoding': 'chunked' });
    expect(same(await get({ maxBytes: image.length }), expected)).toBe(true);
  });

  it('sends the URL with its signature, and no key', async () => {
    serve(200, image);
    await get();
    expect(server.seen[0]?.path).toBe(`/a.png${SECRET}`);
    expect(server.seen[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    [403, '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'application/xml', 'expired'],
    [403, '', 'text/plain', 'expired'],
    [400, '<Error><Code>ExpiredToken</Code></Error>', 'application/xml', 'expired'],
    [404, '<Error><Code>NoSuchKey</Code></Error>', 'text/xml; charset=utf-8', 'expired'],
    [200, '<Error/>', 'application/xml', 'expired'],
    [404, 'gone', 'text/plain', 'unavailable'],
    [429, '<Error/>', 'application/xml', 'unavailable'],
    [500, 'oops', 'text/plain', 'unavailable'],
    [503, '<Error><Code>SlowDown</Code></Error>', 'application/xml', 'unavailable'],
    [206, 'part', 'image/png', 'unavailable'],
    [204, '', 'image/png', 'unavailable'],
  ])('answered with %i "%s" (%s) is %s', async (status, body, type, code) => {
    serve(status, body, { 'content-type': type });
    const failure = await failureOf(get());
    expect(failure).toMatchObject({ code, status });
    expect(failure.message).toContain('127.0.0.1');
  });

  it('that is compressed without being requested is refused', async () => {
    serve(200, 'x', { 'content-encoding': 'gzip' });
    expect((await failureOf(get())).code).toBe('unavailable');
  });

  it('that is cut off is truncated, with or without a declared length', async () => {
    for (const headers of [{ 'content-length': image.length }, { 'transfer-encoding': 'chunked' }]) {
      server.answerWith((_request, response) => {
        response.writeHead(200, headers);
        response.write(image.subarray(0, 100_000), () => response.destroy());
      });
      expect((await failureOf(get())).code).toBe('truncated');
    }
  });

  it('without a body is truncated', async () => {
    serve(200, '', { 'content-length': 0 });
    expect((await failureOf(get())).code).toBe('truncated');
  });

  it('larger than allowed is refused, declared or not', async () => {
    serve(200, image, { 'content-length': image.length });
    expect((await failureOf(get({ maxBytes: image.length - 1 }))).code).toBe('too-large');
    serve(200, image, { 'transfer-encoding': 'chunked' });
    expect((await failureOf(get({ maxBytes: 1_000_000 }))).code).toBe('too-large');
  });

  it('that drips is ended by the total limit', async () => {
    server.answerWith((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      const drip = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(drip));
    });
    expect((await failureOf(get({ totalTimeoutMs: 200 }))).code).toBe('timeout');
    server.answerWith(() => undefined);
    expect((await failureOf(get({ totalTimeoutMs: 100 }))).code).toBe('timeout');
  });

  it('from a closed port is a network fault', async () => {
    const gone = await startScriptedServer();
    await gone.close();
    const failure = await failureOf(get({}, `${gone.origin}/a.png${SECRET}`));
    expect(failure.code).toBe('network');
    expect(failure.message).toContain('ECONNREFUSED');
  });

  it('throws the reason of an aborted signal', async () => {
    const reason = new Error('the worker stops');
    await expect(get({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    server.answerWith((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('x', () => controller.abort(reason));
    });
    await expect(get({ signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('memory for a download', () => {
  it('is reserved by the declared length, or else by the limit, until released', async () => {
    const { events, reserveBytes } = budget();
    serve(200, image, { 'content-length': image.length });
    const { release } = await get({ reserveBytes });
    expect(events).toEqual(['+3000000']);
    release();
    release();
    expect(events).toEqual(['+3000000', '-3000000']);
    serve(200, image, { 'transfer-encoding': 'chunked' });
    await get({ reserveBytes, maxBytes: 4_000_000 });
    expect(events).toEqual(['+3000000', '-3000000', '+4000000']);
  });

  it('is released when the download fails, and not reserved when there is nothing to download', async () => {
    const { events, reserveBytes } = budget();
    server.answerWith((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('x', () => response.destroy());
    });
    await failureOf(get({ reserveBytes }));
    expect(events).toEqual(['+1000', '-1000']);
    serve(403, '');
    await failureOf(get({ reserveBytes }));
    expect(events).toHaveLength(2);
  });

  it('is awaited without using up the download’s time', async () => {
    serve(200, image, { 'content-length': image.length });
    expect((await get({ reserveBytes: reserveLate, totalTimeoutMs: 500 })).body.equals(image)).toBe(true);
  });
});

describe('redirects', () => {
  it('are followed up to three times', async () => {
    redirect(3);
    expect((await get()).body.equals(image)).toBe(true);
    redirect(4);
    expect((await failureOf(get())).code).toBe('unavailable');
  });

  it.each(['file:///etc/passwd', 'data:image/png;base64,AA', 'http://', 'ftp://img.test/a.png'])(
    'to %s are refused',
    async (location) => {
      redirect(1, () => location);
      expect((await failureOf(get())).code).toBe('unsafe-address');
    },
  );

  it.each([
    'http://169.254.169.254/latest/meta-data',
    '//169.254.169.254/latest/meta-data',
    'http://2852039166/latest/meta-data',
    'http://[::ffff:169.254.169.254]/latest/meta-data',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[fd00:ec2::254]/latest/meta-data',
    'http://100.100.100.200/latest/meta-data',
    'http://[fe80::1]/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://224.0.0.1/',
  ])('to %s are refused even if private addresses are allowed', async (location) => {
    redirect(1, () => location);
    expect((await failureOf(get())).code).toBe('unsafe-address');
    expect(server.seen).toHaveLength(1);
  });
});

describe('an image URL that leads into a private network', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    'localhost',
    'images.example',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '[::]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[::127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[2002:7f00:1::]',
    '[fc00::1]',
    '[fe80::1]',
    '10.0.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.168.0.1',
    '198.18.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '０.0.0.0',
    '①②⑦.0.0.1',
  ])('is refused before anything is sent: %s', async (host) => {
    serve(200, image);
    const port = new URL(server.origin).port;
    const failure = await failureOf(get({ agent: guarded }, `http://${host}:${port}/a.png${SECRET}`));
    expect(failure.code).toBe('unsafe-address');
    expect(server.seen).toHaveLength(0);
  });

  it.each(['file:///a.png', 'data:image/png;base64,AA', 'not a URL', ''])('is refused: "%s"', async (url) => {
    expect((await failureOf(get({}, url))).code).toBe('unsafe-address');
  });

  it('is allowed with BANANA_ALLOW_PRIVATE_ADDRESSES, also by name', async () => {
    const byName = createDownloadAgent({ allowPrivateAddresses: true, lookup: inwardLookup });
    try {
      serve(200, image);
      const url = `http://images.example:${new URL(server.origin).port}/a.png`;
      expect((await get({ agent: byName }, url)).body.equals(image)).toBe(true);
    } finally {
      await byName.destroy();
    }
  });
});

function same(one: { body: Buffer; sha256: string }, other: { body: Buffer; sha256: string }): boolean {
  return one.sha256 === other.sha256 && one.body.equals(other.body);
}

function budget() {
  const events: string[] = [];
  const reserveBytes = async (sizeBytes: number): Promise<() => void> => {
    events.push(`+${sizeBytes}`);
    return () => events.push(`-${sizeBytes}`);
  };
  return { events, reserveBytes };
}

function redirect(times: number, location = (count: number) => `/hop${count}`): void {
  let count = 0;
  server.answerWith((_request, response) => {
    count += 1;
    if (count > times) response.writeHead(200).end(image);
    else response.writeHead(302, { location: location(count) }).end('moved');
  });
}

/** Lets a download wait longer than its whole time limit. */
async function reserveLate(): Promise<() => void> {
  await new Promise((resolve) => {
    AbortSignal.timeout(600).addEventListener('abort', resolve);
  });
  return () => undefined;
}
