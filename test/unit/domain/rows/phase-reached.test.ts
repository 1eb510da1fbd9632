import { expect, test } from 'vitest';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import { type GenerationRecord, type RowEnd, phaseReached } from '../../../../src/domain/rows/outcome.js';
import { toOutcome } from '../../../../src/ledger/parts.js';
import { failureRecord } from '../../../../src/report/failure-record.js';
import { sampleRow, sampleRun } from '../../../support/sample-rows.js';

const cancelled: RowEnd = { kind: 'cancelled' };
const failed: RowEnd = { kind: 'failed', failure: 'flaky', message: 'no image' };
const jobId = 'job-7' as JobId;
const generation = (
  end: GenerationRecord['end'],
  charged: GenerationRecord['charged'],
): GenerationRecord => ({
  generation: 1,
  ...(end !== 'invalid' && end !== 'unanswered' && { jobId }),
  end,
  charged,
});

test.each([
  ['nothing was sent', [], 'pending'],
  ['the request was invalid', [generation('invalid', 'no')], 'create'],
  ['the create stayed unanswered', [generation('unanswered', 'unknown')], 'create'],
  ['the job failed', [generation('failed', 'unknown')], 'await'],
  ['the end of the job was not seen', [generation('open', 'unknown')], 'await'],
  ['the job ran out of time', [generation('unfinished', 'unknown')], 'await'],
  ['the job was gone while it was awaited', [generation('gone', 'unknown')], 'await'],
  ['the job was gone after it was done', [generation('gone', 'yes')], 'store'],
  ['the job was done', [generation('done', 'yes')], 'store'],
] as const)('the phase of a row is known if %s', (_, generations, phase) => {
  for (const end of [cancelled, failed]) expect(phaseReached({ end, generations })).toBe(phase);
});

test('outcomes and failures.csv contain the phase and every generation with its job and charge', () => {
  const first = { generation: 1, jobId, end: 'failed', charged: 'unknown' } as const;
  const second = { generation: 2, end: 'unanswered', charged: 'unknown' } as const;
  const row = { ...sampleRow('a'), generation: 2, earlier: [first] };
  const outcome = toOutcome(sampleRun, row, { end: failed, generations: [second], settledAtMs: 0 });
  expect(outcome.phase).toBe('create');
  expect(failureRecord(sampleRun, row, outcome)).toMatchObject({
    failure_phase: 'create',
    failure_jobs: '1:failed:unknown:job-7 2:unanswered:unknown:',
  });
});
