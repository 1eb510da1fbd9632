import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentHash, JobId } from '../../../../src/domain/rows/ids.js';
import {
  fromStoredIdentity,
  toStoredIdentity,
  type StoredIdentity,
} from '../../../../src/domain/images/stored-identity.js';

const hex = fc.string({
  unit: fc.constantFrom(...Array.from('0123456789abcdef')),
  minLength: 64,
  maxLength: 64,
});
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const identity: fc.Arbitrary<StoredIdentity> = fc.record({
  contentHash: hex.map((text) => text as ContentHash),
  runSeq: count,
  generation: count,
  jobId: fc.uuid().map((text) => text as JobId),
  image: fc.record({
    type: fc.constantFrom('png', 'jpg', 'webp'),
    width: count,
    height: count,
    sizeBytes: count,
    sha256: hex,
  }),
});

describe('the identity of a stored image', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(identity, (one) => {
        expect(fromStoredIdentity(toStoredIdentity(one))).toEqual(one);
      }),
    );
  });

  it('fits the metadata of an object: ASCII and far below 2 KiB', () => {
    fc.assert(
      fc.property(identity, (one) => {
        const text = Object.entries(toStoredIdentity(one)).flat().join('');
        expect(text).toMatch(/^[\x21-\x7e]+$/);
        expect(text.length).toBeLessThan(1_024);
      }),
    );
  });

  it('is undefined if any part is missing or invalid', () => {
    const odd = fc.constantFrom('', '0', '-1', '1.5', 'NaN', 'Infinity', '1e99');
    fc.assert(
      fc.property(identity, fc.nat(8), odd, (one, at, value) => {
        const metadata = toStoredIdentity(one);
        const name = Object.keys(metadata)[at] ?? '';
        const { [name]: _gone, ...rest } = metadata;
        expect(fromStoredIdentity(rest)).toBeUndefined();
        const isText = ['content-hash', 'job-id', 'sha256'].includes(name);
        expect(fromStoredIdentity({ ...rest, [name]: isText ? '' : value })).toBeUndefined();
      }),
    );
  });

  it('is undefined for metadata of another program', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (metadata) => {
        expect(fromStoredIdentity(metadata)).toBeUndefined();
      }),
    );
  });
});
