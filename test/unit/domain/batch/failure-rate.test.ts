import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  failureRateCause,
  RecentGenerations,
  sampleSize,
} from '../../../../src/domain/batch/failure-rate.js';

const ends = fc.array(fc.constantFrom('image' as const, 'failure' as const), { maxLength: 300 });

describe('the last generations of a shard', () => {
  it('give no rate before the sample is full, then the rate of the latest ones only', () => {
    fc.assert(
      fc.property(ends, fc.integer({ min: 1, max: 100 }), (all, size) => {
        const recent = new RecentGenerations(size);
        for (const end of all) recent.note(end);
        const last = all.slice(-size);
        const failed = last.filter((end) => end === 'failure').length;
        expect(recent.failureRate).toBe(all.length < size ? undefined : (failed / size) * 100);
      }),
    );
  });

  it('start again after a hold', () => {
    const recent = new RecentGenerations(2);
    recent.note('failure');
    recent.note('failure');
    recent.reset();
    expect(recent.failureRate).toBeUndefined();
  });

  it('are 200 for a single shard, and never fewer than 50', () => {
    expect(sampleSize(1)).toBe(200);
    expect(sampleSize(100)).toBe(200);
    expect(sampleSize(150)).toBe(100);
    expect(sampleSize(10_000)).toBe(50);
  });

  it('are reported with the last failure and how to continue', () => {
    const textId = '0123456789abcdef';
    const cause = failureRateCause(61.4, { message: 'The job failed.', textId });
    expect(cause.textId).toBe(textId);
    expect(cause.message).toMatch(
      /^61 % .* the last one with: The job failed\. .*resume ID.*--max-failure-rate.*cancel ID/,
    );
  });
});
