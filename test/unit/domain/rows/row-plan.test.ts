import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FAILURE_KINDS,
  UNSTORED_KINDS,
  type UnstoredKind,
} from '../../../../src/domain/rows/failure-kind.js';
import type { ContentHash, JobId, RowId } from '../../../../src/domain/rows/ids.js';
import type {
  GenerationEnd,
  GenerationRecord,
  RowEnd,
  RowOutcome,
} from '../../../../src/domain/rows/outcome.js';
import type { PromptRow, RowStart, ShardRow } from '../../../../src/domain/rows/row.js';
import {
  generationsTogether,
  leftUnended,
  planRow,
  selectedRows,
  type RowBefore,
  type RowPlan,
  type SelectedRows,
} from '../../../../src/domain/rows/row-plan.js';

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
  return {
    position,
    rowId,
    contentHash,
    runSeq: 1,
    generations,
    end,
    ...(end.kind === 'stored' && { imageKey: 'images/train/a-row.png' }),
    settledAt: SETTLED_AT,
  };
}

const failed = (failure: (typeof FAILURE_KINDS)[number]): RowEnd => ({
  kind: 'failed',
  failure,
  message: '',
});
const stored: Extract<RowEnd, { kind: 'stored' }> = {
  kind: 'stored',
  adopted: false,
  image: { type: 'png', width: 1, height: 1, sizeBytes: 1, sha256: 'a' },
};
const keptImage = { end: stored, imageKey: 'images/train/a-row.png' };

const submit = selectedRows({ action: 'submit', kinds: [], redo: [] });
const retry = (...kinds: UnstoredKind[]) => selectedRows({ action: 'retry', kinds, redo: [] });
const redo = selectedRows({ action: 'redo', kinds: [], redo: [row.rowId] });
const planned = (before: RowOutcome, taken = submit) => planRow(row, { outcome: before }, taken);
const startOf = (plan: RowPlan) => {
  if (plan.kind !== 'run') throw new Error('The row keeps its outcome.');
  return plan.start;
};

describe('the plan of a row', () => {
  it('starts a new row, and one with changed content, at its first generation', () => {
    expect(planRow(row, undefined, submit)).toEqual({
      kind: 'run',
      change: 'new',
      start: { generation: 1 },
    });
    const other = { ...outcome(stored), contentHash: 'b'.repeat(64) as ContentHash };
    expect(planned(other)).toEqual({ kind: 'run', change: 'changed', start: { generation: 1 } });
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
    expect(planned(outcome(end)).kind).toBe(kind);
    expect(planned(outcome(end), retry()).kind).toBe(kind);
    expect(planned(outcome(end), redo).kind).toBe('run');
  });

  it('retries exactly the kinds that a retry names', () => {
    for (const named of UNSTORED_KINDS) {
      for (const kind of UNSTORED_KINDS) {
        const end: RowEnd = kind === 'cancelled' ? { kind } : failed(kind);
        expect(planned(outcome(end), retry(named)).kind).toBe(kind === named ? 'run' : 'carry');
      }
      expect(planned(outcome(stored), retry(named)).kind).toBe('carry');
    }
  });

  it('leaves every row alone that a redo does not name', () => {
    const others = selectedRows({ action: 'redo', kinds: [], redo: ['another' as RowId] });
    for (const end of [stored, { kind: 'cancelled' } as const, ...FAILURE_KINDS.map(failed)]) {
      expect(planned(outcome(end), others)).toEqual({ kind: 'carry', outcome: outcome(end) });
    }
  });

  it.each([
    ['failed', { generation: 4 }],
    ['gone', { generation: 4 }],
    ['done', { generation: 3, jobId: job }],
    ['unfinished', { generation: 3, jobId: job }],
    ['open', { generation: 3, jobId: job }],
    ['invalid', { generation: 3 }],
    ['unanswered', { generation: 3, unansweredSinceMs: 5 }],
  ] as const)('continues after a generation that ended as %s', (end, start) => {
    const last: GenerationRecord = {
      generation: 3,
      end,
      charged: 'unknown',
      ...(end === 'unanswered' ? { unansweredSinceMs: 5 } : { jobId: job }),
    };
    const plan = planned(outcome({ kind: 'cancelled' }, [last]));
    expect(plan).toEqual({ kind: 'run', change: 'again', start: { ...start, earlier: [last] } });
  });

  it('counts the age of an unanswered create of unknown time from the end of its row', () => {
    const last = { generation: 1, end: 'unanswered', charged: 'unknown' } as const;
    const plan = planned(outcome(failed('shard-lost'), [last]));
    expect(plan).toMatchObject({ start: { unansweredSinceMs: Date.parse(SETTLED_AT) } });
  });

  it('sends a create of unknown charge again with its own key and no age, if a person names it', () => {
    const last = { generation: 2, end: 'unanswered', charged: 'unknown', openedSinceMs: 7 } as const;
    const before = outcome(failed('unknown-charge'), [last]);
    expect(startOf(planned(before, retry('unknown-charge')))).toEqual({ generation: 2, earlier: [last] });
  });

  it.each([
    ['done', { generation: 4 }],
    ['unfinished', { generation: 4 }],
    ['failed', { generation: 4 }],
    ['gone', { generation: 4 }],
    ['open', { generation: 3, jobId: job, openedSinceMs: 5 }],
    ['unanswered', { generation: 3 }],
    ['invalid', { generation: 3 }],
  ] as const)(
    'makes a stored row again whose last generation ended as %s, and keeps its image',
    (end, start) => {
      const last: GenerationRecord = {
        generation: 3,
        end,
        charged: 'unknown',
        ...(end !== 'unanswered' && { jobId: job }),
        ...(end === 'open' && { openedSinceMs: 5 }),
      };
      expect(planned(outcome(stored, [last]), redo)).toEqual({
        kind: 'run',
        change: 'redo',
        start: { ...start, earlier: [last], keptImage },
      });
    },
  );

  it('uses the done job of a cancelled row first, whose image was never copied', () => {
    const last: GenerationRecord = { generation: 3, jobId: job, end: 'done', charged: 'yes' };
    expect(planned(outcome({ kind: 'cancelled' }, [last]), redo)).toMatchObject({
      change: 'redo',
      start: { generation: 3, jobId: job },
    });
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
          const start = startOf(planned(previous));
          const advances = ended === 'failed' || ended === 'gone';
          expect(start.generation).toBe(advances ? generation + 1 : generation);
          const made = madeInRun.map((end, at): GenerationRecord => ({
            generation: start.generation + at,
            end,
            charged: 'unknown',
          }));
          const together = generationsTogether(start.earlier ?? [], made);
          expect(together.map((record) => record.generation)).toEqual(together.map((_, at) => at + 1));
          previous = outcome({ kind: 'cancelled' }, together);
          const last = together.at(-1);
          if (last) [generation, ended] = [last.generation, last.end];
        }
      }),
    );
  });
});

const left = (start: Partial<ShardRow>, openedAtMs?: number): RowBefore =>
  leftUnended({ ...row, generation: 1, ...start }, { runSeq: 2, openedAtMs, leftAt: SETTLED_AT });

describe('a row of a terminated run', () => {
  it('starts as planned if its shard was never opened', () => {
    const start = { generation: 2, keptImage, earlier: [] };
    expect(left(start)).toMatchObject({ start, outcome: { end: stored, imageKey: keptImage.imageKey } });
    expect(left({})).toEqual({
      start: { generation: 1 },
      outcome: { ...outcome({ kind: 'cancelled' }), runSeq: 2 },
    });
  });

  it('may have been bought since its shard was opened; the older doubt counts', () => {
    const record = { generation: 1, end: 'unanswered', charged: 'unknown', openedSinceMs: 50 } as const;
    expect(left({ unansweredSinceMs: 20 }, 50)).toMatchObject({
      start: { generation: 1, unansweredSinceMs: 20, openedSinceMs: 50 },
      outcome: { end: { kind: 'cancelled' }, generations: [{ ...record, unansweredSinceMs: 20 }] },
    });
    expect(left({ openedSinceMs: 10 }, 50).start).toMatchObject({ unansweredSinceMs: 10, openedSinceMs: 10 });
  });

  it('keeps its known job, which is awaited at any age', () => {
    const { start } = left({ generation: 3, jobId: job }, 50);
    expect(start).toMatchObject({ generation: 3, jobId: job, openedSinceMs: 50 });
    expect(start).not.toHaveProperty('unansweredSinceMs');
  });

  it('stays cancelled, or keeps its image, if a retry names other kinds', () => {
    const before = left({ generation: 2, jobId: job, keptImage }, 50);
    expect(planRow(row, before, retry('flaky'))).toEqual({ kind: 'carry', outcome: before.outcome });
    expect(planned(before.outcome, redo)).toMatchObject({ start: { generation: 2, jobId: job, keptImage } });
    expect(planRow(row, before, retry('cancelled'))).toMatchObject({ kind: 'run', start: { keptImage } });
  });
});

type LastEnd = 'done' | 'open' | 'unanswered' | 'refused' | 'nothing';

/** The effect of one run: which rows it makes, how far its jobs come, and whether it records that. */
interface Step {
  readonly taken: SelectedRows;
  /** Generations that end as failed before the last one. */
  readonly failures: number;
  readonly last: LastEnd;
  readonly ending: 'recorded' | 'unrecorded' | 'unopened';
}

function madeFrom(start: RowStart, failures: number, last: LastEnd): readonly GenerationRecord[] {
  const isAwaited = start.jobId !== undefined;
  if (last === 'nothing' || (last === 'unanswered' && isAwaited)) return [];
  const generation = start.generation + failures;
  const jobOf = (one: number): JobId =>
    one === start.generation && start.jobId ? start.jobId : (`job-${one}` as JobId);
  const lost = Array.from({ length: failures }, (_, at): GenerationRecord => {
    const one = start.generation + at;
    return { generation: one, jobId: jobOf(one), end: 'failed', charged: 'unknown' };
  });
  const jobId = jobOf(generation);
  switch (last) {
    case 'done':
      return [...lost, { generation, jobId, end: 'done', charged: 'yes' }];
    case 'refused':
      return [...lost, { generation, jobId, end: 'failed', charged: 'unknown' }];
    case 'open':
      return [...lost, { generation, jobId, end: 'open', charged: 'unknown' }];
    case 'unanswered':
      return [...lost, { generation, end: 'unanswered', charged: 'unknown', unansweredSinceMs: 1 }];
  }
}

function openJobOf(before: RowBefore | undefined): JobId | undefined {
  const last = before?.outcome.generations.at(-1);
  return before?.start?.jobId ?? (last?.end === 'open' ? last.jobId : undefined);
}

/** How a run leaves the row. */
function leftBy(step: Step, start: RowStart, hasImage: boolean, at: number): RowBefore {
  if (step.ending !== 'recorded') {
    const openedAtMs = step.ending === 'unopened' ? undefined : at;
    return leftUnended({ ...row, ...start }, { runSeq: at, openedAtMs, leftAt: SETTLED_AT });
  }
  const made = madeFrom(start, step.failures, step.last);
  const end: RowEnd = hasImage || made.at(-1)?.end === 'done' ? stored : { kind: 'cancelled' };
  return { outcome: outcome(end, generationsTogether(start.earlier ?? [], made)) };
}

describe('over any number of runs, however they end,', () => {
  const steps: fc.Arbitrary<readonly Step[]> = fc.array(
    fc.record({
      taken: fc.oneof(
        fc.constant(submit),
        fc.constant(redo),
        fc.subarray([...UNSTORED_KINDS]).map((kinds) => retry(...kinds)),
      ),
      failures: fc.nat(3),
      last: fc.constantFrom<LastEnd>('done', 'open', 'unanswered', 'refused', 'nothing'),
      ending: fc.constantFrom('recorded', 'unrecorded', 'unopened'),
    }),
    { minLength: 1, maxLength: 8 },
  );

  it('a generation never decreases, an open job is never skipped, and an image is never lost', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let before: RowBefore | undefined;
        let highest = 1;
        for (const [at, step] of all.entries()) {
          const plan = planRow(row, before, step.taken);
          const hadImage = before?.outcome.end.kind === 'stored';
          const openJob = openJobOf(before);
          const start: RowStart =
            plan.kind === 'run' ? plan.start : { generation: highest, ...(openJob && { jobId: openJob }) };
          expect(start.generation).toBeGreaterThanOrEqual(highest);
          expect(openJob ?? start.jobId).toBe(start.jobId);
          expect(plan.kind === 'carry' || (start.keptImage !== undefined) === hadImage).toBe(true);
          before = plan.kind === 'carry' ? { outcome: plan.outcome } : leftBy(step, start, hadImage, at);
          const { generations, end } = before.outcome;
          expect(!hadImage || end.kind === 'stored').toBe(true);
          const numbers = generations.map(({ generation }) => generation);
          expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
          highest = Math.max(highest, start.generation, ...numbers);
        }
      }),
    );
  });
});
