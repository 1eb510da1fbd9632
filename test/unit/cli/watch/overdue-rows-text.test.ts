import { describe, expect, it } from 'vitest';
import type { OldestRow } from '../../../../src/status/status-document.js';
import { overdueLines, overdueNote } from '../../../../src/cli/watch/status-text.js';

const row = (rowId: string | undefined, ageSeconds: number, change: Partial<OldestRow> = {}): OldestRow => ({
  rowId,
  phase: 'inFlight',
  ageSeconds,
  generation: 1,
  jobId: 'job-7',
  ...change,
});
const status = { batchId: 'spring', usualSeconds: 20, holds: [] };
const hold = { code: 'x', message: 'x', since: '2026-06-11T12:00:00Z', nextProbeAt: undefined };

describe('the oldest rows of a status', () => {
  it('are shown with the usual time, the job and what to do if they take unusually long', () => {
    const oldestRows = [
      row('red-fox', 754),
      row(undefined, 90, { phase: 'copying', generation: 2 }),
      row('blue-fox', 61, { jobId: undefined }),
      row('quick-fox', 60),
    ];
    const lines = overdueLines({ ...status, oldestRows });
    expect(lines.slice(0, -1)).toEqual([
      '  oldest rows (19 of 20 jobs end within 20s):',
      '    red-fox · waiting for the job for 12m 34s · generation 1 · job job-7',
      '    a row whose id cannot be read from the bucket · copying the image for 1m 30s · generation 2 · job job-7',
      '    blue-fox · creating the job for 1m 1s · generation 1',
    ]);
    for (const advice of ['row spring ROWID', '--job-timeout', 'cancel'])
      expect(lines.at(-1)).toContain(advice);
    expect(overdueNote({ ...status, oldestRows })).toEqual(['oldest row: red-fox, 12m 34s']);
  });

  it('are shown without advice about a row whose id the bucket does not have', () => {
    const lines = overdueLines({ ...status, oldestRows: [row(undefined, 90), row(undefined, 80)] });
    expect(lines.at(-1)).toMatch(/^  Waiting loses nothing;/);
    expect(lines.join('\n')).not.toContain('ROWID');
  });

  it('are not shown while they take no longer than usual', () => {
    expect(overdueLines({ ...status, oldestRows: [row('red-fox', 60)] })).toEqual([]);
    expect(overdueNote({ ...status, usualSeconds: 100, oldestRows: [row('red-fox', 200)] })).toEqual([]);
    expect(overdueLines({ ...status, usualSeconds: undefined, oldestRows: [row('red-fox', 300)] })).toEqual(
      [],
    );
  });

  it('are not shown while a hold explains why rows wait', () => {
    const oldestRows = [row('red-fox', 900)];
    expect(overdueLines({ ...status, oldestRows, holds: [{ scope: 'service', ...hold }] })).toEqual([]);
    expect(overdueLines({ ...status, oldestRows, holds: [{ scope: 'model:nb:text', ...hold }] })).not.toEqual(
      [],
    );
  });

  it('cannot control a terminal by their ids', () => {
    const lines = overdueLines({ ...status, oldestRows: [row('red\u001b[2Jfox\nx', 900)] });
    expect(lines[1]).toContain('red [2Jfox x ·');
  });
});
