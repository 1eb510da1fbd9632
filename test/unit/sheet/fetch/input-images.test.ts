import { chmod, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SheetInputs, type PathBase } from '../../../../src/sheet/fetch/sheet-inputs.js';
import { bucketReach } from '../../../../src/bananahub/bucket-reach.js';
import { contentHash } from '../../../../src/domain/identity/content-hash.js';
import { inputImagesCell, inputImagesIn, publicAddress } from '../../../../src/domain/rows/input-image.js';
import { inputImageType } from '../../../../src/domain/images/bytes/inspect.js';
import { inputListOf } from '../../../../src/ledger/input-list.js';
import type { FoundInput } from '../../../../src/sheet/index.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';
import { sampleJpeg, samplePng, sampleWebp } from '../../../support/images/sample-images.js';
import { sampleRun } from '../../../support/sample-rows.js';
import { temporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.js';

describe('a cell of input images', () => {
  test.each([
    ['', []],
    ['a.png', ['a.png']],
    [' a.png  b.png\nc.png ', ['a.png', 'b.png', 'c.png']],
    ['my dog.png | my cat.png', ['my dog.png', 'my cat.png']],
    ['my dog.png|', ['my dog.png']],
    ['"my dog.png" b.png', ['my dog.png', 'b.png']],
    ['"a|b.png" c.png', ['a|b.png', 'c.png']],
    ['5" nail.png|b.png', ['5" nail.png', 'b.png']],
    ['"not closed.png', ['"not', 'closed.png']],
    ['https://x.example/a?b="c" s3://b/k', ['https://x.example/a?b="c"', 's3://b/k']],
  ])('%j lists %j', (cell, entries) => {
    expect(inputImagesIn(cell)).toEqual(entries);
  });

  test('that was written by us lists the same again', () => {
    const entry = fc
      .string({ unit: fc.constantFrom('a', '/', ' ', '|', '"', 'é') })
      .map((text) => text.trim())
      .filter((text) => text !== '');
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 14 }), (entries) => {
        expect(inputImagesIn(inputImagesCell(entries))).toEqual(entries);
      }),
    );
  });
});

/** Images by name: `png:1000:…` has 1,000 bytes. Everything else does not exist. */
const named = {
  prepare: async () => undefined,
  find: (reference: string): FoundInput | undefined => {
    const [, type, sizeBytes, digit = '0'] = /^(png|jpg):(\d+):(.)$/.exec(reference) ?? [];
    return type === 'png' || type === 'jpg'
      ? { kind: 'image', type, sizeBytes: Number(sizeBytes), sha256: digit.repeat(64) }
      : undefined;
  },
};

const read = (lines: readonly string[], settings = {}) =>
  readWholeSheet(`${lines.join('\n')}\n`, settings, 'sheet.csv', 65_536, named);
const ruleOf = async (record: string, header = 'prompt,model,aspect_ratio,resolution,input_images') => {
  const { rows, rejected } = await read([header, record]);
  expect([rows.length, rejected.length]).toEqual([0, 1]);
  return rejected[0];
};

const many = (count: number) => Array.from({ length: count }, () => 'https://x.example/1.png').join(' ');
const hashes = async (cell: string) =>
  (await read(['prompt,input_images', `a,${cell}`])).rows.map((row) => row.contentHash)[0];

const hashOf = (...inputImages: string[]) =>
  contentHash({ prompt: 'a', model: 'pro', aspectRatio: '1:1', resolution: '1K', inputImages });

const TO_ALL = '1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 from_prompt'.split(' ');
const TO_NEWER = [...TO_ALL, ...'1:4 1:8 4:1 8:1'.split(' ')];

describe('a row with input images', () => {
  test.each([
    ['nb', '', TO_ALL],
    ['nb', 'png:1:a', TO_ALL],
    ['nb2', '', TO_NEWER],
    ['nb2', 'png:1:a', [...TO_NEWER, 'auto']],
    ['pro', '', TO_NEWER],
    ['pro', 'png:1:a', [...TO_NEWER, 'auto']],
  ])('of %s from "%s" accepts exactly the aspect ratios of the contract', async (model, input, allowed) => {
    const asked = [...TO_NEWER, 'auto', '2:1', 'square'];
    const { rows } = await read([
      'prompt,model,aspect_ratio,input_images',
      ...asked.map((ratio) => `${ratio},${model},${ratio},${input}`),
    ]);
    expect(rows.map(({ aspectRatio }) => aspectRatio)).toEqual(allowed);
  });

  test('of NanoBanana requires resolution 1K', async () => {
    expect(await ruleOf('a,nb,,2K,png:1:a')).toMatchObject({ column: 'resolution', value: '2K' });
    const { rows } = await read(['prompt,model,input_images', 'a,nb,png:1:a'], {
      defaults: { resolution: '4K' },
    });
    expect(rows).toMatchObject([{ resolution: '1K', inputImages: [`inputs/images/${'a'.repeat(64)}.png`] }]);
  });

  test('has at most 14 of them, and 40 MB together', async () => {
    expect((await read(['prompt,input_images', `a,${many(14)}`])).rows[0]?.inputImages).toHaveLength(14);
    expect(await ruleOf(`a,,,,${many(15)}`)).toMatchObject({
      line: 2,
      column: 'input_images',
      value: '15',
      rule: expect.stringContaining('at most 14'),
    });
    expect((await read(['prompt,input_images', 'a,png:20000000:a png:20000000:b'])).rows).toHaveLength(1);
    expect(await ruleOf('a,,,,png:20000000:a png:20000001:b')).toMatchObject({
      value: 'png:20000001:b',
      rule: expect.stringContaining('40 MB together'),
    });
  });

  test.each([
    ['ftp://x.example/a.png', 'http(s) URL, a path, or s3://'],
    ['data:image/png;base64,AAAA', 'http(s) URL, a path, or s3://'],
    ['file:///etc/a.png', 'http(s) URL, a path, or s3://'],
    ['https://', 'not a valid URL'],
    ['https://me:secret@x.example/a.png', 'must not contain a user and password'],
    ['gone.png', 'not checked'],
  ])('cannot name an input image by %s', async (entry, rule) => {
    const rejected = await ruleOf(`a,,,,${entry.includes(',') ? `"${entry}"` : entry}`);
    expect(rejected).toMatchObject({ column: 'input_images', rule: expect.stringContaining(rule) });
    expect(rejected?.value).not.toContain('secret');
  });

  test('is identified by their content, by URLs without signatures, and by their order', async () => {
    const url = 'https://x.example/a.png';
    expect(await hashes('')).toBe(hashOf());
    expect(await hashes('png:1:a')).toBe(hashOf(`sha256:${'a'.repeat(64)}`));
    expect(await hashes('png:1:a')).toBe(await hashes('png:9:a'));
    expect(await hashes(`${url}?X-Amz-Signature=1 png:1:a`)).toBe(hashOf(url, `sha256:${'a'.repeat(64)}`));
    expect(await hashes(`png:1:a ${url}`)).not.toBe(await hashes(`${url} png:1:a`));
  });
});

test('an address is shown without user, query and fragment, and a path unchanged', () => {
  expect(publicAddress('https://u:p@x.example/a%20b.png?sig=1#x')).toBe('https://x.example/a%20b.png');
  expect(publicAddress('photos/what?.png')).toBe('photos/what?.png');
});

test('an input image is PNG, JPEG or WebP by its bytes, and a JPEG may have camera data after it', () => {
  for (const [type, bytes] of [
    ['png', samplePng(2, 2)],
    ['jpg', sampleJpeg(2, 2)],
    ['jpg', Buffer.concat([sampleJpeg(2, 2), Buffer.from('SEFT of a phone')])],
    ['webp', sampleWebp(2, 2)],
  ] as const) {
    expect(inputImageType(bytes)).toEqual({ kind: 'image', type });
  }
  const cut = [
    samplePng(9, 9).subarray(0, 50),
    sampleJpeg(9, 9).subarray(0, 60),
    sampleWebp(9, 9).subarray(0, 30),
  ];
  for (const bytes of [...cut, Buffer.from('GIF89a…'), Buffer.from('<html>'), Buffer.alloc(0)]) {
    expect(inputImageType(bytes).kind).toBe('broken');
  }
});

const inputsOf = (base: PathBase) =>
  new SheetInputs({
    base,
    openStore: () => Promise.reject(new Error('No object is named.')),
    signal: new AbortController().signal,
  });

const foundAs = (order: readonly string[]) =>
  new Map(order.map((name): [string, FoundInput] => [name, { kind: 'broken', rule: name }]));

describe('files named in a sheet', () => {
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = await temporaryFolder();
    await mkdir(path.join(folder.path, 'sheets/photos'), { recursive: true });
    const put = (name: string, bytes: Buffer | string) => writeFile(path.join(folder.path, name), bytes);
    await put('sheets/photos/a.png', samplePng(2, 2));
    await put('outside.jpg', sampleJpeg(2, 2));
    await symlink(path.join(folder.path, 'outside.jpg'), path.join(folder.path, 'sheets/link.jpg'));
    await put('sheets/text.png', 'no image');
    await put('sheets/large.png', '');
    await truncate(path.join(folder.path, 'sheets/large.png'), 40_000_001);
  });
  afterAll(() => folder?.remove());

  test('are hashed once, by whatever path, and read only from where they are', async () => {
    const inputs = inputsOf({ kind: 'folder', folder: path.join(folder.path, 'sheets') });
    const reads: number[] = [];
    inputs.whileReading((count) => reads.push(count));
    const same = ['photos/a.png', './photos/a.png', path.join(folder.path, 'sheets/photos/a.png')];
    await inputs.prepare([...same, ...same, '../outside.jpg', 'link.jpg']);
    await inputs.prepare(same);
    expect(reads).toHaveLength(5);
    expect(new Set(same.map((name) => JSON.stringify(inputs.find(name)))).size).toBe(1);
    expect(inputs.images.map(({ image }) => image.type).toSorted()).toEqual(['jpg', 'png']);
    expect(inputs.outside).toBe(2);
  });

  test('break a rule if missing, unreadable, too large, folders, or not images', async () => {
    const inputs = inputsOf({ kind: 'folder', folder: path.join(folder.path, 'sheets') });
    const rules = {
      'none.png': 'file not found',
      'photos/a.png/b.png': 'file not found',
      photos: 'a folder or a device',
      '/dev/null': 'a folder or a device',
      'text.png': 'must be a PNG, JPEG or WebP',
      'large.png': 'at most 40 MB',
      'nul\0.png': 'cannot be read',
      's3://bucket': 'expected s3://bucket/key',
      's3://Our bucket!/a.png': 'not a valid bucket name',
      's3://arn:aws:s3:::ours/a.png': 'not a valid bucket name',
      's3://10.0.0.1/a.png': 'not a valid bucket name',
      's3://bucket/a/../../other/a.png': 'not a valid object key',
      's3://bucket/nul\0.png': 'not a valid object key',
      's3://bucket/\ud800.png': 'not a valid object key',
      [`s3://bucket/${'a/'.repeat(513)}`]: 'not a valid object key',
    };
    await inputs.prepare(Object.keys(rules));
    for (const [reference, rule] of Object.entries(rules)) {
      expect(inputs.find(reference)).toMatchObject({ rule: expect.stringContaining(rule) });
    }
    expect(inputs.images).toEqual([]);
  });

  test.skipIf(process.getuid?.() === 0)('break a rule if this user may not read them', async () => {
    const secret = path.join(folder.path, 'sheets/secret.png');
    await writeFile(secret, samplePng(2, 2));
    await chmod(secret, 0);
    const inputs = inputsOf({ kind: 'folder', folder: path.join(folder.path, 'sheets') });
    await inputs.prepare(['secret.png']);
    expect(inputs.find('secret.png')).toMatchObject({
      rule: expect.stringContaining('no permission to read'),
    });
  });

  test('are never local files if the sheet came from elsewhere', async () => {
    const file = path.join(folder.path, 'sheets/photos/a.png');
    const web = inputsOf({ kind: 'nowhere' });
    await web.prepare(['a.png', file]);
    for (const reference of ['a.png', file]) {
      expect(web.find(reference)).toMatchObject({ rule: expect.stringContaining('a sheet from the web') });
    }
    const bucket = inputsOf({ kind: 'bucket', bucket: 'b', prefix: 'sheets/' });
    await bucket.prepare([file, '../../a.png']);
    for (const reference of [file, '../../a.png']) {
      expect(bucket.find(reference)).toMatchObject({
        rule: expect.stringContaining('names an object beside the sheet'),
      });
    }
  });

  test('are listed in the same order, however they were found', async () => {
    const list = inputListOf(sampleRun, foundAs(['a', 'b']));
    expect(list?.key).toBe(inputListOf(sampleRun, foundAs(['b', 'a']))?.key);
    expect(list?.key).not.toBe(inputListOf(sampleRun, foundAs(['a', 'c']))?.key);
    expect(inputListOf(sampleRun, foundAs([]))).toBeUndefined();
  });
});

test.each([
  [undefined, 'https://api.example', 'reachable'],
  ['https://93.184.216.34', 'https://93.184.216.34/api', 'reachable'],
  ['http://127.0.0.1:7070', 'https://93.184.216.34/api', 'out-of-reach'],
  ['http://[::1]:7070', 'https://93.184.216.34/api', 'out-of-reach'],
  ['http://192.168.1.5', 'https://93.184.216.34/api', 'out-of-reach'],
  ['http://localhost:9000', 'https://93.184.216.34/api', 'out-of-reach'],
  ['http://minio:9000', 'https://93.184.216.34/api', 'out-of-reach'],
  ['http://127.0.0.1:7070', 'http://127.0.0.1:4000/api', 'reachable'],
  ['http://127.0.0.1:7070', 'http://localhost:4000/api', 'reachable'],
] as const)('a bucket at %s is for the API at %s %s', async (endpoint, baseUrl, reach) => {
  expect(await bucketReach(endpoint, { baseUrl })).toBe(reach);
  expect(await bucketReach(endpoint, { baseUrl, allowPrivateAddresses: true })).toBe('reachable');
});
