import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareDecimals } from '../../../../src/domain/money/decimal.js';
import {
  DOCUMENTED_JOB_SECONDS,
  expectedSeconds,
  measuredJobSeconds,
} from '../../../../src/domain/time/expected-time.js';
import { ImageCounts } from '../../../../src/domain/money/image-counts.js';
import { costOf } from '../../../../src/domain/money/price-table.js';

it('a batch takes longer with more images and less with more jobs in flight, but never less than a job', () => {
  expect(expectedSeconds(0, 100, DOCUMENTED_JOB_SECONDS)).toEqual([0, 0]);
  expect(expectedSeconds(1, 100, DOCUMENTED_JOB_SECONDS)).toEqual([8, 25]);
  expect(expectedSeconds(1000, 100, DOCUMENTED_JOB_SECONDS)).toEqual([80, 250]);
  const many = fc.integer({ min: 1, max: 1_000_000 });
  const jobs = fc.integer({ min: 1, max: 10_000 });
  fc.assert(
    fc.property(many, many, jobs, jobs, (images, more, few, further) => {
      const [low, high] = expectedSeconds(images, few, [8, 25]);
      expect(low).toBeGreaterThanOrEqual(8);
      expect(high).toBeGreaterThan(low);
      expect(expectedSeconds(images + more, few, [8, 25])[1]).toBeGreaterThanOrEqual(high);
      expect(expectedSeconds(images, few + further, [8, 25])[0]).toBeLessThanOrEqual(low);
    }),
  );
});

it('a finished run shows how long its rows occupied slots, if it was large enough', () => {
  const [low = 0, high = 0] = measuredJobSeconds({ rows: 1000, concurrency: 50, seconds: 300 }) ?? [];
  expect([low, high]).toEqual([12, 22.5]);
  expect(measuredJobSeconds({ rows: 19, concurrency: 50, seconds: 300 })).toBeUndefined();
});

it('images cost their prices, and those without a price are listed', () => {
  const counts = new ImageCounts();
  for (let image = 0; image < 7; image += 1) counts.add({ model: 'pro', resolution: '4K' });
  counts.add({ model: 'nb', resolution: '1K' });
  const prices = new Map([['pro' as const, new Map([['4K' as const, '0.1']])]]);
  const { total, unpriced } = costOf(prices, counts.list);
  expect(compareDecimals(total, '0.7')).toBe(0);
  expect(unpriced).toEqual([{ model: 'nb', resolution: '1K', images: 1 }]);
});
