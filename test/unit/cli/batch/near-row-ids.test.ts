import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NearRowIds } from '../../../../src/cli/batch/find-row.js';

function best(typed: string, ids: readonly string[], count = 3): readonly string[] {
  const near = new NearRowIds(typed);
  for (const id of ids) near.consider(id);
  return near.best(count);
}

describe('suggested row ids', () => {
  it('differ only in letter case first, then extend the text, then contain it', () => {
    expect(best('sku-1', ['old-sku-1', 'sku-12', 'SKU-1'])).toEqual(['SKU-1', 'sku-12', 'old-sku-1']);
  });

  it('include the row of an image file name', () => {
    expect(best('sku-1.png', ['sku-1', 'sku-2'])).toEqual(['sku-1']);
  });

  it('include ids with the same beginning, for a typo near the end', () => {
    expect(best('banana-boat-77', ['banana-boot-77', 'apple'])).toEqual(['banana-boot-77']);
  });

  it('are limited in number and exist', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.string()),
        fc.integer({ min: 0, max: 10 }),
        (typed, ids, count) => {
          const found = best(typed, ids, count);
          expect(found.length).toBeLessThanOrEqual(count);
          expect(ids).toEqual(expect.arrayContaining([...found]));
        },
      ),
    );
  });
});
