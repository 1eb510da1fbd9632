import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageNameOf } from '../../../../src/domain/images/image-name.js';

const anyId = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
  fc.string({
    unit: fc.constantFrom('a', 'B', '7', '%', '.', '/', '~', '-', 'é', '🍌', '\uD83C'),
    minLength: 1,
    maxLength: 220,
  }),
);

describe('the image name of a row id', () => {
  it('keeps letters, digits, "_", "~" and "-" and encodes everything else as UTF-8 bytes', () => {
    expect(imageNameOf('Cat_7~2-b')).toBe('Cat_7~2-b');
    expect(imageNameOf('a.b/../c d%é🍌')).toBe('a%2Eb%2F%2E%2E%2Fc%20d%25%C3%A9%F0%9F%8D%8C');
    expect(imageNameOf('a\nb')).toBe('a%0Ab');
  });

  it('ends with a hash of the whole id if the name is too long, and never inside an escape', () => {
    const id = `${'x'.repeat(148)}éé`;
    const hash = createHash('sha256').update(id).digest('hex').slice(0, 12);
    expect(imageNameOf(id)).toBe(`${'x'.repeat(148)}-${hash}`);
    expect(imageNameOf('y'.repeat(150))).toBe('y'.repeat(150));
    expect(imageNameOf('y'.repeat(151))).toMatch(/^y{150}-[0-9a-f]{12}$/);
  });

  it('is safe in keys and file systems and at most 163 characters long', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        expect(imageNameOf(id)).toMatch(/^(?:[A-Za-z0-9_~-]|%[0-9A-F]{2}|%uD[89A-F][0-9A-F]{2}){1,163}$/);
        expect(imageNameOf(id).length).toBeLessThanOrEqual(163);
      }),
    );
  });

  it('differs for different ids, however similar', () => {
    fc.assert(
      fc.property(anyId, anyId, anyId, (first, second, tail) => {
        fc.pre(first !== second);
        expect(imageNameOf(first)).not.toBe(imageNameOf(second));
        const long = 'z'.repeat(160);
        expect(imageNameOf(long + first + tail)).not.toBe(imageNameOf(long + second + tail));
      }),
    );
  });

  it('differs for different halves of surrogate pairs', () => {
    expect(imageNameOf('\uD800')).not.toBe(imageNameOf('\uD801'));
    expect(imageNameOf('\uD800')).not.toBe(imageNameOf('\uFFFD'));
  });
});
