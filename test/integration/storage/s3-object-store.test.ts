import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  conditionalPutsKey,
  ignoredCondition,
  type CheckedFolder,
} from '../../../src/storage/conditional-puts.js';
import { type ObjectStore, StorageError } from '../../../src/storage/object-store.js';
import type { S3ConnectionOptions } from '../../../src/storage/s3/s3-client.js';
import { createS3ObjectStore } from '../../../src/storage/s3/s3-object-store.js';
import { s3Error, startOddStore, type OddStore } from '../../support/services/odd-store.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { startTestS3, type TestS3 } from '../../support/stack/test-stack.js';

let s3: TestS3;
let store: ObjectStore;
let folder: TemporaryFolder;
let odd: OddStore;
const opened: ObjectStore[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  s3 = await startTestS3();
  store = s3.store;
  odd = await startOddStore(s3.endpoint);
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  for (const each of opened) each.close();
  await odd?.close();
  await s3.stop();
  await folder.remove();
});

function open(overrides: S3ConnectionOptions = {}): ObjectStore {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const made = createS3ObjectStore({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 2,
    ...overrides,
  });
  opened.push(made);
  return made;
}

function at(key: string) {
  return { bucket: s3.bucket, key };
}

const text = { contentType: 'text/plain' };

async function failureOf(call: Promise<unknown>): Promise<StorageError> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.message.includes(s3.secretAccessKey))
      throw new Error('The error gives the secret away.', { cause: error });
    return error;
  }
  throw new Error('The call should have failed.');
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('an object', () => {
  it('reads back as it was put, with its type and metadata', async () => {
    const body = randomBytes(3_000_000);
    const metadata = { 'content-hash': 'abc', generation: '2' };
    const { etag } = await store.put(at('a/object.bin'), body, { contentType: 'image/png', metadata });
    expect(await store.head(at('a/object.bin'))).toMatchObject({
      sizeBytes: body.length,
      contentType: 'image/png',
      metadata,
      etag,
    });
    const chunks = await collect<Uint8Array>(await store.read(at('a/object.bin')));
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
  });

  it('is stored from a file of any size, even empty', async () => {
    const path = join(folder.path, 'large');
    const body = randomBytes(9_000_000);
    await writeFile(path, body);
    const sha256 = createHash('sha256').update(body).digest('hex');
    await store.putFile(at('from/file'), path, { ...text, sha256 });
    const chunks = await collect<Uint8Array>(await store.read(at('from/file')));
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
    await writeFile(path, '');
    await store.putFile(at('from/empty'), path, text);
    expect(await store.readText(at('from/empty'))).toBe('');
  });

  it('is read as text', async () => {
    const line = 'Größe 🍌\n';
    await store.put(at('text'), Buffer.from(line.repeat(50_000)), text);
    expect(await store.readText(at('text'))).toBe(line.repeat(50_000));
  });

  it('is refused if its bytes do not match the given sha256', async () => {
    const sha256 = createHash('sha256').update('other').digest('hex');
    const failure = await failureOf(store.put(at('wrong'), Buffer.from('some'), { ...text, sha256 }));
    expect(failure.code).toBe('corrupted');
    expect(await store.head(at('wrong'))).toBeUndefined();
  });

  it('is created by exactly one of many if absent', async () => {
    const condition = { kind: 'absent' } as const;
    const puts = Array.from({ length: 12 }, (_, index) =>
      store.put(at('once'), Buffer.from(`writer ${index}`), { ...text, condition }),
    );
    const results = await Promise.allSettled(puts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const failure = await failureOf(store.put(at('once'), Buffer.from('late'), { ...text, condition }));
    expect(failure.code).toBe('precondition-failed');
    expect(failure.ref).toEqual(at('once'));
  });

  it('is replaced only if it has the given version', async () => {
    const first = await store.put(at('versions'), Buffer.from('1'), text);
    const over = (etag: string) => ({ ...text, condition: { kind: 'unchanged', etag } }) as const;
    await store.put(at('versions'), Buffer.from('2'), over(first.etag));
    const failure = await failureOf(store.put(at('versions'), Buffer.from('3'), over(first.etag)));
    expect(failure.code).toBe('precondition-failed');
    expect(await store.readText(at('versions'))).toBe('2');
    expect((await failureOf(store.put(at('gone'), Buffer.from('4'), over(first.etag)))).code).toBe(
      'precondition-failed',
    );
  });

  it('is copied with new metadata under any key, if it has the given version', async () => {
    const body = randomBytes(1000);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const from = at("images/100%/Größe +#1 (it's) 🍌.png");
    const to = at('images/%41/日本 & ?.png');
    const { etag } = await store.put(from, body, { contentType: 'image/png', metadata: { generation: '1' } });
    const options = { contentType: 'image/png', metadata: { generation: '2' }, sha256 };
    await store.copy(from, to, { ...options, sourceEtag: etag });
    expect(await store.head(to)).toMatchObject({
      sizeBytes: 1000,
      contentType: 'image/png',
      metadata: options.metadata,
    });
    expect(Buffer.concat(await collect<Uint8Array>(await store.read(to)))).toEqual(body);
    const refused = [
      [{ ...options, sourceEtag: '"another"' }, 'precondition-failed'],
      [{ ...options, sourceEtag: etag, sha256: '0'.repeat(64) }, 'corrupted'],
    ] as const;
    for (const [given, code] of refused)
      expect(await failureOf(store.copy(from, at('images/other.png'), given))).toMatchObject({ code });
  });

  it('that is missing has no head, cannot be read, and is deleted without an error', async () => {
    expect(await store.head(at('nowhere'))).toBeUndefined();
    const failure = await failureOf(store.read(at('nowhere')));
    expect(failure.code).toBe('not-found');
    expect(failure.message).toContain(`s3://${s3.bucket}/nowhere`);
    await store.delete(at('nowhere'));
    await store.put(at('here'), Buffer.from('x'), text);
    await store.delete(at('here'));
    expect(await store.head(at('here'))).toBeUndefined();
  });

  it('has ASCII metadata or is refused', async () => {
    const failure = await failureOf(
      store.put(at('meta'), Buffer.from('x'), { ...text, metadata: { a: 'café' } }),
    );
    expect(failure.message).toContain('metadata a');
    expect(await store.head(at('meta'))).toBeUndefined();
  });

  it('keeps a key with %-encoded and other special characters', async () => {
    const key = 'images/train/caf%C3%A9 ü+~1.png';
    await store.put(at(key), Buffer.from('x'), text);
    expect((await collect(store.list(s3.bucket, 'images/train/'))).map((each) => each.key)).toEqual([key]);
  });
});

describe('a listing', () => {
  it('has every object below the prefix over several pages, in order, and the folders', async () => {
    const keys = Array.from(
      { length: 1_010 },
      (_, index) => `many/f${index % 3}/${String(index).padStart(5, '0')}`,
    );
    for (let start = 0; start < keys.length; start += 50) {
      await Promise.all(
        keys.slice(start, start + 50).map((key) => store.put(at(key), Buffer.from('x'), text)),
      );
    }
    await store.put(at('many.not'), Buffer.from('x'), text);
    const listed = await collect(store.list(s3.bucket, 'many/'));
    expect(listed.map(({ key }) => key)).toEqual([...keys].sort());
    expect(listed[0]).toMatchObject({ sizeBytes: 1 });
    expect(await collect(store.listFolders(s3.bucket, 'many/'))).toEqual([
      'many/f0/',
      'many/f1/',
      'many/f2/',
    ]);
    expect(await collect(store.list(s3.bucket, 'none/'))).toEqual([]);
  });
});

const isList = ({ method, query }: { method: string; query: URLSearchParams }): boolean =>
  method === 'GET' && query.has('list-type');
const more = (page: string, token: string): string =>
  page.replace(/<IsTruncated>.*?<\/IsTruncated>/, `<IsTruncated>true</IsTruncated>${token}`);
const tokenOf = (value: number): string => `<NextContinuationToken>t${value}</NextContinuationToken>`;

describe('an unusual store', () => {
  let oddly: ObjectStore;
  beforeAll(async () => {
    oddly = open({ endpoint: odd.endpoint });
    for (const key of ['p/1', 'p/2', 'p/3', 'p/4']) await store.put(at(key), Buffer.from('x'), text);
  });

  it('opens a presigned URL that requests only the object', async () => {
    odd.setOddity({
      answer: ({ query, headers }) => {
        const wishes = [...query.keys(), ...Object.keys(headers)].filter((name) =>
          /^x-amz-checksum/i.test(name),
        );
        return wishes.length > 0 ? s3Error(403, 'SignatureDoesNotMatch') : undefined;
      },
    });
    const url = await oddly.presignGet(at('p/1'), { signedAtMs: Date.now(), validSeconds: 60 });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([200, 'x']);
    const names = [...new URL(url).searchParams.keys()];
    expect(names.filter((name) => !/^X-Amz-[A-Z]|^x-id$/.test(name))).toEqual([]);
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).toBe('host');
  });

  it.each([
    [501, 'NotImplemented'],
    [400, 'NotImplemented'],
    [400, 'InvalidArgument'],
    [405, 'MethodNotAllowed'],
  ])('that answers %i %s to a copy gets a put under the same conditions instead', async (status, code) => {
    odd.setOddity({
      answer: ({ headers }) => (headers['x-amz-copy-source'] ? s3Error(status, code) : undefined),
    });
    const body = Buffer.from('bytes of an image');
    const sha256 = createHash('sha256').update(body).digest('hex');
    const { etag } = await store.put(at('odd/from'), body, text);
    const to = at(`odd/${status}-${code}`);
    const options = { ...text, metadata: { generation: '2' }, sha256, sourceEtag: etag };
    expect(await oddly.copy(at('odd/from'), to, { ...options, condition: { kind: 'absent' } })).toBe(
      'through-here',
    );
    expect(await store.readText(to)).toBe('bytes of an image');
    expect(await store.head(to)).toMatchObject({ contentType: 'text/plain', metadata: { generation: '2' } });
    const refused = [
      [{ ...options, condition: { kind: 'absent' } as const }, 'precondition-failed'],
      [{ ...options, sourceEtag: '"another"' }, 'precondition-failed'],
      [{ ...options, sha256: '0'.repeat(64) }, 'corrupted'],
    ] as const;
    for (const [given, expected] of refused)
      expect(await failureOf(oddly.copy(at('odd/from'), to, given))).toMatchObject({ code: expected });
  });

  let pages = 0;

  it.each<[string, (page: string) => string, RegExp]>([
    ['cuts a listing without a token', (page) => more(page, ''), /page 1: .*no continuation token/],
    [
      'gives an empty token',
      (page) => more(page, '<NextContinuationToken/>'),
      /page 1: .*no continuation token/,
    ],
    [
      'gives one token again',
      (page) => more(page.replaceAll('p/', `p/${pages}`), tokenOf(1)),
      /page 2: .*given before/,
    ],
    ['gives one page again under new tokens', (page) => more(page, tokenOf(pages)), /page 2: .*earlier page/],
    [
      'gives empty pages without end',
      (page) => more(page.replaceAll(/<(Contents|CommonPrefixes)>.*?<\/\1>/gs, ''), tokenOf(pages)),
      /page 101: .*were empty/,
    ],
  ])('that %s is reported, and its listing is not taken as complete', async (_, change, expected) => {
    let firstPage: string | undefined;
    odd.setOddity({
      change: (body, request) => {
        if (!isList(request)) return undefined;
        pages += 1;
        firstPage ??= body;
        return change(firstPage);
      },
    });
    const listings: AsyncIterable<unknown>[] = [
      oddly.list(s3.bucket, 'p/'),
      oddly.listFolders(s3.bucket, 'p'),
    ];
    for (const listing of listings) {
      [pages, firstPage] = [0, undefined];
      const failure = await failureOf(collect(listing));
      expect(failure.message).toMatch(expected);
      expect(failure.message).toContain(`s3://${s3.bucket}/p`);
    }
  });
});

async function checkConditions(over: Partial<CheckedFolder> = {}, by = store): Promise<string | undefined> {
  return ignoredCondition(by, { bucket: s3.bucket, folder: 'here/', endpoint: s3.endpoint, ...over });
}

describe('the check of conditional puts', () => {
  it('runs once per bucket, deletes nothing, and runs again for another server', async () => {
    const careful = open({ endpoint: odd.endpoint });
    odd.setOddity({
      answer: ({ method }) => (method === 'DELETE' ? s3Error(403, 'AccessDenied') : undefined),
    });
    expect(await Promise.all(Array.from({ length: 6 }, () => checkConditions({}, careful)))).toEqual(
      Array.from({ length: 6 }, () => undefined),
    );
    const keys = (await collect(store.list(s3.bucket, 'here/'))).map(({ key }) => key);
    expect(keys).toEqual([conditionalPutsKey('here/')]);
    odd.setOddity({});
    expect(await checkConditions({}, careful)).toBeUndefined();
    expect(odd.seen.map(({ method }) => method)).toEqual(['GET']);
    odd.setOddity({});
    expect(await checkConditions({ endpoint: 'https://elsewhere.test' }, careful)).toBeUndefined();
    expect(odd.seen.some(({ method }) => method === 'PUT')).toBe(true);
  });

  it('passes for simultaneous commands that use different servers of one bucket', async () => {
    const checks = Array.from({ length: 12 }, (_, index) =>
      checkConditions({ folder: 'many/', endpoint: `https://s3-${index}.test` }),
    );
    expect(new Set(await Promise.all(checks))).toEqual(new Set([undefined]));
  });

  it('is skipped if nothing may be written', async () => {
    odd.setOddity({ answer: ({ method }) => (method === 'PUT' ? s3Error(403, 'AccessDenied') : undefined) });
    expect(await checkConditions({ folder: 'denied/' }, open({ endpoint: odd.endpoint }))).toBeUndefined();
  });
});

describe('a bucket', () => {
  it('is created if missing and left alone otherwise', async () => {
    await store.createBucket('made-here');
    await store.put({ bucket: 'made-here', key: 'k' }, Buffer.from('x'), text);
    await store.createBucket('made-here');
    await store.checkBucket('made-here');
    expect(await store.readText({ bucket: 'made-here', key: 'k' })).toBe('x');
  });

  it('that is missing is reported by every call that needs it', async () => {
    const missing = { bucket: 'not-there', key: 'k' };
    const failures = await Promise.all([
      failureOf(store.checkBucket('not-there')),
      failureOf(store.put(missing, Buffer.from('x'), text)),
      failureOf(store.read(missing)),
      failureOf(collect(store.list('not-there', ''))),
    ]);
    expect(failures.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'bucket-missing'));
    expect(failures[0]?.message).toContain('does not exist');
  });

  it('reports an unknown access key or a wrong secret, also for large bodies', async () => {
    const { accessKeyId, secretAccessKey } = s3;
    for (const credentials of [
      { accessKeyId: 'nobody', secretAccessKey },
      { accessKeyId, secretAccessKey: 'wrong' },
    ]) {
      const stranger = open({ credentials });
      expect((await failureOf(stranger.checkBucket(s3.bucket))).code).toBe('bad-credentials');
      expect((await failureOf(stranger.put(at('no'), Buffer.from('x'), text))).code).toBe('bad-credentials');
      const large = randomBytes(6_000_000);
      expect((await failureOf(stranger.put(at('no'), large, text))).code).toBe('bad-credentials');
      expect((await failureOf(stranger.readText(at('text')))).code).toBe('bad-credentials');
    }
  });

  it('reports which variables to set if there are no credentials', async () => {
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder.path, 'none'));
    vi.stubEnv('AWS_CONFIG_FILE', join(folder.path, 'none'));
    const bare = createS3ObjectStore({ endpoint: s3.endpoint, maxAttempts: 1 });
    opened.push(bare);
    const failure = await failureOf(bare.checkBucket(s3.bucket));
    expect(failure.code).toBe('bad-credentials');
    expect(failure.message).toContain('AWS_ACCESS_KEY_ID');
  });

  it('is reached with only environment variables, in path style', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.endpoint);
    vi.stubEnv('AWS_ACCESS_KEY_ID', s3.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', s3.secretAccessKey);
    const plain = createS3ObjectStore();
    opened.push(plain);
    await plain.checkBucket(s3.bucket);
    await plain.put(at('by-environment'), Buffer.from('x'), text);
    expect(await store.readText(at('by-environment'))).toBe('x');
  });
});

describe('a file that cannot be read', () => {
  it('is reported with its destination', async () => {
    const failure = await failureOf(store.putFile(at('file'), join(folder.path, 'absent'), text));
    expect(failure.code).toBe('other');
    expect(failure.message).toMatch(/ENOENT/);
  });
});

describe('an aborted signal', () => {
  it('ends any call with its own reason', async () => {
    const reason = new Error('the worker stops');
    const signal = AbortSignal.abort(reason);
    const path = join(folder.path, 'aborted');
    await writeFile(path, 'x');
    await expect(store.put(at('x'), Buffer.from('x'), { ...text, signal })).rejects.toBe(reason);
    await expect(store.putFile(at('x'), path, { ...text, signal })).rejects.toBe(reason);
    await expect(store.head(at('x'), signal)).rejects.toBe(reason);
    await expect(store.readText(at('x'), signal)).rejects.toBe(reason);
    await expect(collect(store.list(s3.bucket, '', signal))).rejects.toBe(reason);
    await expect(store.checkBucket(s3.bucket, signal)).rejects.toBe(reason);
  });

  it('ends a body that is being read', async () => {
    await store.put(at('long'), Buffer.alloc(8_000_000), text);
    const controller = new AbortController();
    const reason = new Error('the worker stops');
    const body = await store.read(at('long'), controller.signal);
    const reading = (async () => {
      for await (const chunk of body) controller.abort(chunk === undefined ? undefined : reason);
    })();
    await expect(reading).rejects.toBe(reason);
  });
});
