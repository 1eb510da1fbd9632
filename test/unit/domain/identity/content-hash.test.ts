import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentHash, withoutSignature } from '../../../../src/domain/identity/content-hash.js';
import { MODELS, RESOLUTIONS } from '../../../../src/domain/rows/generation-settings.js';

const content = fc.record({
  prompt: fc.string({ unit: 'binary', maxLength: 6 }),
  model: fc.constantFrom(...MODELS),
  aspectRatio: fc.constantFrom('1:1', '16:9'),
  resolution: fc.constantFrom(...RESOLUTIONS),
  inputImages: fc.array(fc.constantFrom('sha256:00', 'https://a.example/x.png', 'https://a.example/y.png'), {
    maxLength: 2,
  }),
});

test('a content hash is equal exactly for equal content', () => {
  fc.assert(
    fc.property(content, content, (first, second) => {
      expect(contentHash(first) === contentHash(second)).toBe(
        JSON.stringify(first) === JSON.stringify(second),
      );
    }),
  );
});

test('a content hash never changes between releases', () => {
  const fixed = {
    prompt: 'A red fox, "quoted" – 狐',
    model: 'pro',
    aspectRatio: '1:1',
    resolution: '1K',
  } as const;
  expect(contentHash({ ...fixed, inputImages: [] })).toBe(
    '6c2acd25515bd2d978a8dd958dd7034acf4dda7dfd7402a3223a754c12180615',
  );
});

const hashOf = (url: string) =>
  contentHash({ prompt: 'p', model: 'pro', aspectRatio: '1:1', resolution: '1K', inputImages: [url] });

test('a new signature of an input image does not change the hash', () => {
  const base = 'https://bucket.example/a%20b.png';
  expect(hashOf(`${base}?X-Amz-Signature=1&X-Amz-Expires=60#top`)).toBe(hashOf(base));
  expect(hashOf(`${base}?sv=2024&sig=abc%3D&se=2026`)).toBe(hashOf(base));
  expect(hashOf(`${base}?Expires=1&Signature=2&Key-Pair-Id=3`)).toBe(hashOf(base));
  expect(hashOf('https://user:pw@bucket.example/a%20b.png')).toBe(hashOf(base));
});

test('a query that selects the image changes the hash', () => {
  expect(withoutSignature('https://a.example/img?id=1')).not.toBe(
    withoutSignature('https://a.example/img?id=2'),
  );
  expect(withoutSignature('https://a.example/img?sp=1')).toBe('https://a.example/img?sp=1');
});

test('an image identified by its bytes is not changed', () => {
  expect(withoutSignature('sha256:abc?X-Amz-Signature=1')).toBe('sha256:abc?X-Amz-Signature=1');
});
