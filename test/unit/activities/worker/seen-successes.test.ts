import { expect, it } from 'vitest';
import { SeenSuccesses } from '../../../../src/activities/worker/seen-successes.js';

it('a success of another row counts if it certainly came after a hold began, and at the same step', () => {
  let nowMs = 1_000_000;
  const successes = new SeenSuccesses(() => nowMs);
  const hasSince = (heldForMs: number): boolean => successes.hasSince('job', heldForMs);
  expect(hasSince(3_600_000)).toBe(false);
  successes.note('job');
  nowMs += 60_000;
  expect([hasSince(60_000), hasSince(69_999), hasSince(71_000)]).toEqual([false, false, true]);
  expect(successes.hasSince('image', 3_600_000)).toBe(false);
});
