import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RowOutcome } from '../../../../src/domain/rows/outcome.js';
import { sameBytesText, SameBytesFinder } from '../../../../src/domain/images/same-bytes.js';
import { hashOf, storedOutcome } from '../../../support/sample-rows.js';

function finderOf(outcomes: readonly RowOutcome[]): SameBytesFinder {
  const finder = new SameBytesFinder();
  for (const outcome of outcomes) finder.note(outcome);
  return finder;
}

test('an image shared by rows of the same content is not reported', () => {
  const outcomes = [storedOutcome('a~1', 1, 7), storedOutcome('a~2', 1, 7), storedOutcome('b', 2, 8)];
  expect(finderOf(outcomes).found).toBe(false);
});

test('an image with different contents is counted with all its rows and shown with one row per content', async () => {
  const failed: RowOutcome = { ...storedOutcome('f', 9, 7), end: { kind: 'cancelled' } };
  const outcomes = [
    storedOutcome('a~1', 0, 7),
    storedOutcome('a~2', 0, 7),
    failed,
    storedOutcome('b', 2, 7),
    storedOutcome('c', 3, 8),
  ];
  const finder = finderOf(outcomes);
  expect(finder.found).toBe(true);
  const sameBytes = await finder.collect(outcomes);
  expect(sameBytes).toEqual({ images: 3, examples: [{ sha256: hashOf(7), rowIds: ['a~1', 'b'] }] });
  expect(sameBytesText(sameBytes)).toContain('3 images have the same bytes');
  expect(sameBytesText({ images: 0 })).toBeUndefined();
});

test('the count equals that of comparing all images with all others, and examples are limited', async () => {
  const row = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 300 }), async (rows) => {
      const outcomes = rows.map(([content, image], index) => storedOutcome(`${index}`, content, image));
      const shared = rows.filter(([content, image]) =>
        rows.some(([otherContent, otherImage]) => otherImage === image && otherContent !== content),
      );
      const finder = finderOf(outcomes);
      expect(finder.found).toBe(shared.length > 0);
      const { images, examples } = await finder.collect(outcomes);
      expect(images).toBe(shared.length);
      expect(examples).toHaveLength(Math.min(20, new Set(shared.map(([, image]) => image)).size));
      for (const { rowIds } of examples) {
        expect(rowIds.length).toBeGreaterThanOrEqual(2);
        expect(rowIds.length).toBeLessThanOrEqual(5);
      }
    }),
    { numRuns: 60 },
  );
});
