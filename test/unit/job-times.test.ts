import { describe, expect, it } from 'vitest';
import { JobTimes } from '../../src/activities/job-times.js';

const pro = { model: 'pro', resolution: '1K' } as const;

describe('the usual time of jobs', () => {
  it('is the median of a kind of jobs, once five are known', () => {
    const times = new JobTimes();
    for (const tookMs of [50, 10, 40, 20]) times.note(pro, tookMs);
    expect(times.usualMs(pro)).toBeUndefined();
    times.note(pro, 30);
    expect(times.usualMs(pro)).toBe(30);
    expect(times.usualMs({ model: 'pro', resolution: '4K' })).toBeUndefined();
  });

  it('follows the last 64 jobs and forgets older ones', () => {
    const times = new JobTimes();
    for (let count = 0; count < 200; count++) times.note(pro, 1_000);
    for (let count = 0; count < 64; count++) times.note(pro, 7);
    expect(times.usualMs(pro)).toBe(7);
  });
});
