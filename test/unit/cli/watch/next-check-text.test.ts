import { describe, expect, it } from 'vitest';
import { nextCheckText } from '../../../../src/cli/watch/status-text.js';

const NOW_MS = Date.now();
const inSeconds = (seconds: number): string => new Date(NOW_MS + seconds * 1_000).toISOString();

describe('the next check of a hold', () => {
  it('is shown with its time if in the future', () => {
    expect(nextCheckText(inSeconds(30), 1, NOW_MS)).toEqual([
      expect.stringMatching(/^next check .*\d\d:\d\d:\d\d/),
    ]);
  });

  it('is shown as running if its time is past and there is a worker', () => {
    expect(nextCheckText(inSeconds(-3), 1, NOW_MS)).toEqual(['checking now']);
    expect(nextCheckText(inSeconds(0), undefined, NOW_MS)).toEqual(['checking now']);
    expect(nextCheckText(inSeconds(-3), 0, NOW_MS)).toEqual([]);
  });

  it('is not shown for a hold without checks', () => {
    expect(nextCheckText(undefined, 1, NOW_MS)).toEqual([]);
  });
});
