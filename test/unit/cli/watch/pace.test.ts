import { describe, expect, it } from 'vitest';
import { Pace } from '../../../../src/cli/watch/pace.js';

describe('the pace of a watched batch', () => {
  it('is known after five seconds, and is that of the last minute', () => {
    const pace = new Pace();
    expect(pace.note(0, 0)).toBeUndefined();
    expect(pace.note(4, 4_000)).toBeUndefined();
    expect(pace.note(5, 5_000)).toBe(60);
    for (let second = 6; second <= 120; second++) pace.note(5, second * 1_000);
    expect(pace.note(5, 121_000)).toBe(0);
  });

  it('is not negative while a worker is away and fewer images are known', () => {
    const pace = new Pace();
    pace.note(90, 0);
    pace.note(100, 10_000);
    expect(pace.note(40, 20_000)).toBe(30);
    expect(pace.note(110, 30_000)).toBe(40);
  });
});
