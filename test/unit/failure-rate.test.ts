import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failureRateCause, RecentGenerations, sampleSize } from '../../src/domain/failure-rate.js';

const ends = fc.array(fc.constantFrom('image' as const, 'failure' as const), { maxLength: 300 });

describe('the last generations of a shard', () => {
  it('tell no rate before the sample is full, then that of the last ones alone', () => {
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

  it('count anew after a hold', () => {
    const recent = new RecentGenerations(2);
    recent.note('failure');
    recent.note('failure');
    for (let row = 0; row < 5; row++) recent.noteJob(row, false, row);
    recent.reset();
    expect(recent.failureRate).toBeUndefined();
    expect(recent.jobsAreMissing).toBe(false);
  });

  it('call jobs missing when those of five rows were, one after another, however often one row loses its own', () => {
    const recent = new RecentGenerations(50);
    let madeMs = 0;
    const note = (row: number, found: boolean): void => recent.noteJob(row, found, ++madeMs);
    for (let generation = 0; generation < 9; generation++) note(7, false);
    for (const row of [1, 2, 3]) note(row, false);
    expect(recent.jobsAreMissing).toBe(false);
    note(4, true);
    for (const row of [1, 2, 3, 7]) note(row, false);
    expect(recent.jobsAreMissing).toBe(false);
    note(9, false);
    expect(recent.jobsAreMissing).toBe(true);
  });

  it('do not call single ones missing that come last because nothing new is made', () => {
    const recent = new RecentGenerations(50);
    for (let row = 0; row < 100; row++) if (row % 10 > 0) recent.noteJob(row, true, row);
    for (let row = 0; row < 100; row += 10) recent.noteJob(row, false, row);
    expect(recent.jobsAreMissing).toBe(false);
    for (let row = 100; row < 105; row++) recent.noteJob(row, false, row);
    expect(recent.jobsAreMissing).toBe(true);
    recent.noteJob(4, true, 4);
    expect(recent.jobsAreMissing).toBe(true);
    recent.noteJob(110, true, 110);
    expect(recent.jobsAreMissing).toBe(false);
  });

  it('are 200 where one shard has all slots, and no fewer than 50 of any', () => {
    expect(sampleSize(1)).toBe(200);
    expect(sampleSize(100)).toBe(200);
    expect(sampleSize(150)).toBe(100);
    expect(sampleSize(10_000)).toBe(50);
  });

  it('are told with what the last one failed of, and how to go on', () => {
    const { message } = failureRateCause(61.4, 'Upstream returned no image');
    expect(message).toMatch(
      /^61 % .* Upstream returned no image\. .*resume ID.*--max-failure-rate.*cancel ID/,
    );
  });
});
