import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CopyTimes } from '../../../../../src/activities/worker/images/copy-times.js';

async function copying(times: CopyTimes, count: number, tookMs: number): Promise<void> {
  for (let copy = 0; copy < count; copy++) {
    await times.measure(async () => void vi.advanceTimersByTime(tookMs));
  }
}

describe('CopyTimes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('knows copies as quick only after some of them', async () => {
    const times = new CopyTimes({ quickCopyMs: 100 });
    await copying(times, 7, 60);
    expect(times.areQuick).toBe(false);
    await copying(times, 1, 60);
    expect(times.areQuick).toBe(true);
  });

  it('follows the copies of late: slower ones, a failed one, quick ones again', async () => {
    const times = new CopyTimes({ quickCopyMs: 100 });
    await copying(times, 20, 60);
    await copying(times, 20, 200);
    expect(times.areQuick).toBe(false);
    await copying(times, 60, 60);
    expect(times.areQuick).toBe(true);
    const failing = times.measure(async () => Promise.reject(new Error('It is away.')));
    await expect(failing).rejects.toThrow('It is away.');
    expect(times.areQuick).toBe(false);
    await copying(times, 60, 60);
    expect(times.areQuick).toBe(true);
  });

  it('knows no copy as quick where none may be', async () => {
    const times = new CopyTimes({ quickCopyMs: 0 });
    await copying(times, 20, 1);
    expect(times.areQuick).toBe(false);
  });
});
