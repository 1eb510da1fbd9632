import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelMode } from '../../../../src/domain/batch/holds.js';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import type { GenerationRecord } from '../../../../src/domain/rows/outcome.js';
import { addsUp, EMPTY_TALLY } from '../../../../src/domain/batch/tally.js';
import type { KnownRow, ShardOverview } from '../../../../src/workflows/protocol/shard-messages.js';
import { ShardLedger } from '../../../../src/workflows/shard/row-states.js';

const MODES: readonly ModelMode[] = ['pro:text', 'nb2:image'];
const everything = (): boolean => true;
const jobId = (text: string): JobId => text as JobId;

function overview(modes: readonly ModelMode[], known: readonly KnownRow[] = []): ShardOverview {
  return {
    modes: modes.map((mode) => ({ mode, rows: 1 })),
    known,
    recorded: { rows: [], tally: EMPTY_TALLY },
    nextPart: 0,
  };
}

const failed = (generation: number): GenerationRecord => ({
  generation,
  jobId: jobId(`job-${generation}`),
  end: 'failed',
  charged: 'unknown',
});

const free = (mode: ModelMode): boolean => mode !== 'pro:text';

describe('the row states of a shard', () => {
  const moves = fc.array(
    fc.record({
      kind: fc.constantFrom(
        'start',
        'return',
        'regenerate',
        'aside',
        'endDelay',
        'copy',
        'store',
        'fail',
        'cancel',
        'take',
      ),
      at: fc.nat(30),
    }),
    { maxLength: 120 },
  );
  const modes = fc.array(fc.constantFrom(...MODES), { minLength: 1, maxLength: 15 });

  it('account for every row at every moment, and settle each exactly once', () => {
    fc.assert(
      fc.property(modes, moves, (all, steps) => {
        const ledger = new ShardLedger(overview(all));
        const settled: number[] = [];
        const delays: (() => void)[] = [];
        const inPhase = (phase: string): number[] =>
          all.flatMap((_, row) => (ledger.view(row)?.phase === phase ? [row] : []));
        const take = (): void => {
          for (const { row } of ledger.takeUnrecorded()) settled.push(row);
        };
        const end = { kind: 'failed', failure: 'flaky', message: '' } as const;
        let cancelled = false;
        for (const { kind, at } of steps) {
          const flying = inPhase('inFlight');
          const row = flying[at % Math.max(1, flying.length)];
          if (kind === 'start' && !cancelled) ledger.startNext(everything, 0);
          if (kind === 'endDelay') delays.splice(at % Math.max(1, delays.length), 1)[0]?.();
          if (kind === 'cancel') {
            cancelled = true;
            ledger.cancelPending(at);
          }
          if (kind === 'take') take();
          const copying = inPhase('copying')[0];
          if (kind === 'store' && copying !== undefined) ledger.settle(copying, end, failed(1), at);
          if (row === undefined) continue;
          if (kind === 'return' && !cancelled) ledger.returnToQueue(row);
          if (kind === 'regenerate' && !cancelled) {
            delays.push(ledger.regenerate(row, failed(ledger.generationOf(row).generation)).endDelay);
          }
          if (kind === 'aside' && !cancelled) {
            delays.push(ledger.setAside(row, at % 2 === 0).comeBack);
            ledger.noteMissing(row, { looks: 3, sinceMs: at });
          }
          if (kind === 'copy') ledger.startCopying(row, 0);
          if (kind === 'fail') ledger.settle(row, end, failed(1), at);
          const tally = ledger.tally();
          expect(ledger.queued).toBeGreaterThanOrEqual(0);
          expect(ledger.counts.away.size).toBeLessThanOrEqual(delays.length);
          expect(cancelled ? tally.pending : 0).toBe(0);
          expect(addsUp(tally)).toBe(true);
          expect(tally.total).toBe(all.length);
          expect(tally.pending).toBe(inPhase('pending').length);
          expect(tally.inFlight).toBe(inPhase('inFlight').length);
          expect(tally.copying).toBe(inPhase('copying').length);
        }
        for (const endDelay of delays) endDelay();
        for (
          let row = ledger.startNext(everything, 0);
          row !== undefined;
          row = ledger.startNext(everything, 0)
        );
        for (const phase of ['inFlight', 'copying'])
          for (const row of inPhase(phase)) ledger.settle(row, end, undefined, 0);
        take();
        expect(ledger.allSettled).toBe(true);
        expect(settled.toSorted((a, b) => a - b)).toEqual(all.map((_, row) => row));
        expect(addsUp(ledger.tally())).toBe(true);
      }),
    );
  });

  it('start rows in the order of the sheet, skipping those whose model is held', () => {
    const ledger = new ShardLedger(overview(['pro:text', 'nb2:image', 'pro:text']));
    expect(ledger.startNext(free, 0)).toBe(1);
    expect(ledger.canStart(free)).toBe(false);
    expect(ledger.startNext(everything, 0)).toBe(0);
    expect(ledger.startNext(everything, 0)).toBe(2);
    expect(ledger.startNext(everything, 0)).toBeUndefined();
  });

  it('settle a row cancelled while waiting for its next generation once, whenever its delay ends', () => {
    const ledger = new ShardLedger(overview(['pro:text']));
    ledger.startNext(everything, 0);
    const { endDelay } = ledger.regenerate(0, failed(1));
    expect(ledger.queued).toBe(0);
    ledger.cancelPending(5);
    endDelay();
    endDelay();
    expect(ledger.allSettled).toBe(true);
    expect(ledger.takeUnrecorded()).toEqual([
      { row: 0, end: { kind: 'cancelled' }, generations: [failed(1)], settledAtMs: 5 },
    ]);
  });

  it('keep the job of a cancelled row, or the time of its first unanswered create', () => {
    const known = [{ row: 0, generation: 2, jobId: jobId('paid') }];
    const ledger = new ShardLedger(overview(['pro:text', 'pro:text', 'pro:text'], known));
    ledger.noteUnanswered(1, 100);
    ledger.noteUnanswered(1, 200);
    ledger.cancelPending(300);
    expect(ledger.takeUnrecorded().map(({ generations }) => generations)).toEqual([
      [{ generation: 2, jobId: 'paid', end: 'open', charged: 'unknown' }],
      [{ generation: 1, end: 'unanswered', charged: 'unknown', unansweredSinceMs: 100 }],
      [],
    ]);
  });

  it('keep the image of a row that gets no new one, and count it as stored', () => {
    const known = [0, 1, 2].map((row) => ({ row, generation: 2, hasImage: true }) as const);
    const ledger = new ShardLedger(overview(['pro:text', 'pro:text', 'pro:text', 'pro:text'], known));
    for (let row = 0; row < 2; row++) ledger.startNext(everything, 0);
    ledger.settle(0, { kind: 'failed', failure: 'refused', message: '' }, failed(2), 1);
    const image = { type: 'png', width: 1, height: 1, sizeBytes: 1, sha256: 'a' } as const;
    ledger.settle(1, { kind: 'stored', image, adopted: false }, undefined, 1);
    ledger.cancelPending(1);
    expect(ledger.takeUnrecorded().map(({ end }) => end.kind)).toEqual([
      'kept',
      'stored',
      'kept',
      'cancelled',
    ]);
    expect(ledger.tally()).toMatchObject({ total: 4, stored: 3, cancelled: 1, failed: 0 });
  });

  it('leave a done job whose image was not stored to the next run, also of a row that keeps an earlier image', () => {
    const known = [{ row: 1, generation: 2, hasImage: true } as const];
    const ledger = new ShardLedger(overview(['pro:text', 'pro:text'], known));
    for (const [row, generation] of [1, 2].entries()) {
      ledger.startNext(everything, 0);
      ledger.noteJob(row, generation, jobId(`job-${row}`), 0);
      ledger.startCopying(row, 1);
      ledger.settle(row, { kind: 'cancelled' }, ledger.openRecord(row), 2);
    }
    expect(ledger.takeUnrecorded().map(({ end, generations }) => [end.kind, generations])).toEqual([
      ['cancelled', [{ generation: 1, jobId: 'job-0', end: 'done', charged: 'yes' }]],
      ['kept', [{ generation: 2, jobId: 'job-1', end: 'open', charged: 'yes' }]],
    ]);
  });

  it('doubt every generation that an earlier run may have made without recording, and report it', () => {
    const known = [{ row: 0, generation: 1, jobId: jobId('one'), openedSinceMs: 50 }];
    const ledger = new ShardLedger(overview(['pro:text'], known));
    ledger.startNext(everything, 0);
    expect(ledger.openRecord(0)).toMatchObject({ end: 'open', openedSinceMs: 50 });
    ledger.regenerate(0, failed(1)).endDelay();
    expect(ledger.generationOf(0)).toMatchObject({ generation: 2, unansweredSinceMs: 50 });
    ledger.cancelPending(60);
    expect(ledger.takeUnrecorded()[0]?.generations).toEqual([
      failed(1),
      { generation: 2, end: 'unanswered', charged: 'unknown', unansweredSinceMs: 50, openedSinceMs: 50 },
    ]);
  });

  it('forget a job and its doubts with their generation, and ignore news of an older one', () => {
    const ledger = new ShardLedger(overview(['pro:text']));
    ledger.startNext(everything, 0);
    ledger.noteUnanswered(0, 100);
    ledger.noteJob(0, 1, jobId('one'), 0);
    ledger.regenerate(0, failed(1)).endDelay();
    expect(ledger.generationOf(0)).toMatchObject({ generation: 2, made: 1 });
    expect(ledger.generationOf(0).jobId).toBeUndefined();
    ledger.noteProbed({ row: 0, generation: 1, jobId: jobId('late'), unansweredSinceMs: 7 }, 0);
    expect(ledger.generationOf(0).jobId).toBeUndefined();
    expect(ledger.generationOf(0).unansweredSinceMs).toBeUndefined();
    ledger.noteProbed({ row: 0, generation: 2, jobId: jobId('two') }, 0);
    expect(ledger.generationOf(0).jobId).toBe('two');
  });

  it('accept a job for one row and generation only, however it becomes known', () => {
    const known = [{ row: 0, generation: 1, jobId: jobId('old') }];
    const left = [
      { row: 1, generation: 2, jobId: undefined, unansweredSinceMs: undefined, generations: [failed(1)] },
    ];
    const ledger = new ShardLedger(overview(['pro:text', 'pro:text', 'pro:text'], known), left);
    for (let row = 0; row < 3; row++) ledger.startNext(everything, 0);
    // Of a known row, of an earlier generation of the same row, and of another row's.
    expect(ledger.noteJob(2, 1, jobId('old'), 5)).toBe(false);
    expect(ledger.noteJob(1, 2, jobId('job-1'), 5)).toBe(false);
    expect(ledger.noteJob(2, 1, jobId('job-1'), 5)).toBe(false);
    expect(ledger.generationOf(2).jobId).toBeUndefined();
    ledger.noteProbed({ row: 2, generation: 1, jobId: jobId('old') }, 7);
    expect(ledger.generationOf(2)).toMatchObject({ jobId: undefined, unansweredSinceMs: 7 });
    expect(ledger.noteJob(2, 1, jobId('new'), 9)).toBe(true);
    expect(ledger.noteJob(2, 1, jobId('new'), 9)).toBe(true);
    expect(ledger.noteJob(1, 2, jobId('new'), 9)).toBe(false);
    expect(ledger.generationOf(2).jobId).toBe('new');
  });

  it('report the rows longest at one step, and how long jobs took from create to done', () => {
    const ledger = new ShardLedger(overview(Array.from({ length: 6 }, () => 'pro:text')));
    for (let row = 0; row < 6; row++) ledger.startNext(everything, row);
    expect(ledger.oldest(9).rows.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5]);
    ledger.noteJob(0, 1, jobId('zero'), 100);
    ledger.noteJob(1, 1, jobId('one'), 150);
    ledger.noteJob(2, 1, jobId('two'), 160);
    ledger.startCopying(2, 190);
    ledger.returnToQueue(3);
    ledger.settle(4, { kind: 'cancelled' }, undefined, 195);
    ledger.regenerate(5, failed(1));
    expect(ledger.oldest(9)).toEqual({
      rows: [
        { row: 0, phase: 'inFlight', sinceMs: 100, generation: 1, jobId: 'zero' },
        { row: 1, phase: 'inFlight', sinceMs: 150, generation: 1, jobId: 'one' },
        { row: 2, phase: 'copying', sinceMs: 190, generation: 1, jobId: 'two' },
      ],
      durationsMs: [30],
      aside: { failing: 0, missing: 0 },
    });
    expect(ledger.oldest(1).rows).toHaveLength(1);
    expect(ledger.view(1)).toMatchObject({ phase: 'inFlight', sinceMs: 150 });
    expect(ledger.view(3)).not.toHaveProperty('sinceMs');
  });

  it('do not use a job made before its row was started for the usual time', () => {
    const known = { row: 0, generation: 1, jobId: jobId('old') };
    const ledger = new ShardLedger(overview(['pro:text', 'pro:text'], [known]));
    ledger.startNext(everything, 0);
    ledger.noteProbed({ row: 1, generation: 1, jobId: jobId('probed') }, 5);
    ledger.startNext(everything, 10);
    ledger.startCopying(0, 20);
    ledger.startCopying(1, 30);
    expect(ledger.oldest(9).durationsMs).toEqual([]);
  });

  it('use the last 200 jobs for the usual time', () => {
    const count = 250;
    const ledger = new ShardLedger(overview(Array.from({ length: count }, () => 'pro:text')));
    for (let row = 0; row < count; row++) {
      ledger.startNext(everything, 0);
      ledger.noteJob(row, 1, jobId(`job-${row}`), 0);
      ledger.startCopying(row, row);
    }
    const { durationsMs } = ledger.oldest(1);
    expect([durationsMs.length, durationsMs[0], durationsMs.at(-1)]).toEqual([200, 50, 249]);
  });

  it('leave rows alone that an earlier execution has recorded', () => {
    const ledger = new ShardLedger({
      ...overview(['pro:text', 'pro:text']),
      recorded: { rows: [0], tally: { ...EMPTY_TALLY, total: 1, stored: 1 } },
    });
    expect(ledger.startNext(everything, 0)).toBe(1);
    expect(ledger.tally()).toMatchObject({ total: 2, stored: 1, inFlight: 1 });
    ledger.cancelPending(0);
    expect(ledger.takeUnrecorded()).toEqual([]);
  });
});
