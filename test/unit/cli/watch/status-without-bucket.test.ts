import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { statusBlock } from '../../../../src/cli/watch/status-text.js';
import { withoutPace } from '../../../../src/cli/watch/status.js';
import { EMPTY_TALLY } from '../../../../src/domain/batch/tally.js';
import { NO_OLDEST_ROWS, type BatchStatus } from '../../../../src/status/status-document.js';

const status: BatchStatus = {
  ...EMPTY_TALLY,
  ...NO_OLDEST_ROWS,
  total: 1_000,
  stored: 300,
  pending: 700,
  batchId: 'spring',
  state: 'running',
  reason: undefined,
  holds: [],
  paused: false,
  budget: undefined,
  pauses: [],
  runSeq: 1,
  startedAt: '2026-06-11T12:00:00Z',
  endedAt: undefined,
  imagesPerMinute: 5.7,
  etaSeconds: [7_200, 7_300],
  concurrency: 40,
  pace: undefined,
  carried: 0,
  workers: 1,
  asOf: '2026-06-11T12:52:00Z',
  location: 's3://pictures/spring/',
};

describe('the status of a batch whose bucket does not answer', () => {
  it('has no speed and no time left, because nothing is stored meanwhile', () => {
    const colours = pc.createColors(false);
    expect(statusBlock(status, colours)).toMatch(/5\.7 images\/min · .* left/);
    const shown = statusBlock(withoutPace(status), colours);
    expect(shown).toContain('300 stored · 700 pending');
    expect(shown).not.toMatch(/images\/min|left/);
  });
});
