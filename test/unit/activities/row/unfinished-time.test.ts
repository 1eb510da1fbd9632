import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnfinishedTime } from '../../../../src/activities/row/await-generation.js';

const HOUR_MS = 3_600_000;

describe('the time for which a job was seen unfinished', () => {
  it('continues from earlier attempts, by the time between polls', () => {
    const time = new UnfinishedTime(10_000, 0);
    expect(time.seenMs).toBe(10_000);
    time.noteUnfinished(5_000, 5_200);
    time.noteUnfinished(2_000, 7_400);
    expect(time.seenMs).toBe(17_400);
  });

  it('leaves out an outage from its first unanswered poll to the next answer', () => {
    const time = new UnfinishedTime(0, 0);
    time.noteUnfinished(2_000, 2_000);
    time.noteUnanswered();
    time.noteUnanswered();
    time.noteUnfinished(30_000, HOUR_MS);
    expect(time.seenMs).toBe(2_000);
    time.noteUnfinished(2_000, HOUR_MS + 2_000);
    expect(time.seenMs).toBe(4_000);
  });

  it('counts at most the wait and one poll if the machine slept or the clock was set', () => {
    const time = new UnfinishedTime(0, 0);
    time.noteUnfinished(2_000, 8 * HOUR_MS);
    expect(time.seenMs).toBe(32_000);
    time.noteUnfinished(2_000, 7 * HOUR_MS);
    expect(time.seenMs).toBe(32_000);
  });

  it('never shrinks, and never exceeds the waits by more than a poll each, whatever the clock does', () => {
    const step = fc.record({ answered: fc.boolean(), waitedMs: fc.nat(15_000), nowMs: fc.integer() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const time = new UnfinishedTime(0, 0);
        let mostMs = 0;
        for (const { answered, waitedMs, nowMs } of steps) {
          const before = time.seenMs;
          if (answered) time.noteUnfinished(waitedMs, nowMs);
          else time.noteUnanswered();
          mostMs += waitedMs + 30_000;
          expect(time.seenMs).toBeGreaterThanOrEqual(before);
          expect(time.seenMs).toBeLessThanOrEqual(mostMs);
        }
      }),
    );
  });
});
