import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAILURE_KINDS } from '../../src/domain/failure-kind.js';
import type { ContentHash, JobId, RowId } from '../../src/domain/ids.js';
import type { GenerationEnd, GenerationRecord, RowEnd, RowOutcome } from '../../src/domain/outcome.js';
import type { PromptRow } from '../../src/domain/row.js';
import { generationsTogether, planRow } from '../../src/domain/row-plan.js';

const row: PromptRow = {
  position: 0,
  line: 2,
  rowId: 'a-row' as RowId,
  contentHash: 'a'.repeat(64) as ContentHash,
  prompt: 'a bird',
  model: 'pro',
  aspectRatio: '1:1',
  resolution: '1K',
  inputImages: [],
  imageName: 'a-row',
  labels: {},
};
const SETTLED_AT = '2026-06-11T12:00:00.000Z';
const job = 'job-3' as JobId;

function outcome(end: RowEnd, generations: readonly GenerationRecord[] = []): RowOutcome {
  const { position, rowId, contentHash } = row;
  return { position, rowId, contentHash, runSeq: 1, generations, end, settledAt: SETTLED_AT };
}

const failed = (failure: (typeof FAILURE_KINDS)[number]): RowEnd => ({
  kind: 'failed',
  failure,
  message: '',
});
const stored: RowEnd = {
  kind: 'stored',
  adopted: false,
  image: { type: 'png', width: 1, height: 1, sizeBytes: 1, sha256: 'a' },
};

describe('the plan of a row', () => {
  it('starts a new row, and one whose content changed, at its first generation', () => {
    expect(planRow(row, undefined)).toEqual({ kind: 'run', change: 'new', start: { generation: 1 } });
    const other = { ...outcome(stored), contentHash: 'b'.repeat(64) as ContentHash };
    expect(planRow(row, other)).toEqual({ kind: 'run', change: 'changed', start: { generation: 1 } });
  });

  it.each([
    ['stored', stored, 'carry'],
    ['cancelled', { kind: 'cancelled' }, 'run'],
    ...FAILURE_KINDS.map(
      (kind) =>
        [
          kind,
          failed(kind),
          ['invalid', 'refused', 'unknown-charge'].includes(kind) ? 'carry' : 'run',
        ] as const,
    ),
  ] as const)('of an unchanged row that ended as %s', (_name, end, kind) => {
    expect(planRow(row, outcome(end)).kind).toBe(kind);
  });

  it.each([
    ['failed', { generation: 4 }],
    ['gone', { generation: 4 }],
    ['done', { generation: 3, jobId: job }],
    ['unfinished', { generation: 3, jobId: job }],
    ['open', { generation: 3, jobId: job }],
    ['invalid', { generation: 3 }],
    ['unanswered', { generation: 3, unansweredSinceMs: 5 }],
  ] as const)('goes on after a generation that ended as %s', (end, start) => {
    const last: GenerationRecord = {
      generation: 3,
      end,
      charged: 'unknown',
      ...(end === 'unanswered' ? { unansweredSinceMs: 5 } : { jobId: job }),
    };
    const plan = planRow(row, outcome({ kind: 'cancelled' }, [last]));
    expect(plan).toEqual({ kind: 'run', change: 'again', start: { ...start, earlier: [last] } });
  });

  it('counts the age of an unanswered create of unknown time from the end of its row', () => {
    const last = { generation: 1, end: 'unanswered', charged: 'unknown' } as const;
    const plan = planRow(row, outcome(failed('shard-lost'), [last]));
    expect(plan).toMatchObject({ start: { unansweredSinceMs: Date.parse(SETTLED_AT) } });
  });

  const ends: readonly GenerationEnd[] = [
    'done',
    'failed',
    'gone',
    'unfinished',
    'invalid',
    'unanswered',
    'open',
  ];
  const records = fc.array(fc.constantFrom(...ends), { maxLength: 4 });

  it('never advances a generation whose job was not seen failed or gone, over any number of runs', () => {
    fc.assert(
      fc.property(fc.array(records, { minLength: 1, maxLength: 5 }), (runs) => {
        let previous = outcome({ kind: 'cancelled' });
        let [generation, ended]: [number, GenerationEnd | undefined] = [1, undefined];
        for (const madeInRun of runs) {
          const plan = planRow(row, previous);
          if (plan.kind !== 'run') throw new Error('a cancelled row runs again');
          const advances = ended === 'failed' || ended === 'gone';
          expect(plan.start.generation).toBe(advances ? generation + 1 : generation);
          const made = madeInRun.map((end, at): GenerationRecord => ({
            generation: plan.start.generation + at,
            end,
            charged: 'unknown',
          }));
          const together = generationsTogether(plan.start.earlier ?? [], made);
          expect(together.map((record) => record.generation)).toEqual(together.map((_, at) => at + 1));
          previous = outcome({ kind: 'cancelled' }, together);
          const last = together.at(-1);
          if (last) [generation, ended] = [last.generation, last.end];
        }
      }),
    );
  });
});
