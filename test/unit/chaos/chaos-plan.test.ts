import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chaosSheet, POISONS } from '../../../chaos/chaos-sheet.js';
import { unexpectedEnds } from '../../../chaos/expected-ends.js';
import { isMomentary, lengthOf } from '../../../chaos/fault-kinds.js';
import { planChaos, type ChaosOptions } from '../../../chaos/plan.js';
import { planText } from '../../../chaos/plan-text.js';
import type { ContentHash, RowId } from '../../../src/domain/rows/ids.js';
import type { RowOutcome } from '../../../src/domain/rows/outcome.js';

const anyOptions = fc.record({
  seed: fc.string(),
  minutes: fc.double({ min: 0.1, max: 30, noNaN: true }),
});

describe('a chaos plan', () => {
  it('is the same for the same seed, and differs for another', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        expect(planChaos(options)).toEqual(planChaos({ ...options }));
      }),
    );
    const texts = ['1', '2', '3'].map((seed) => planText(planChaos({ seed, minutes: 5 })));
    expect(new Set(texts).size).toBe(3);
  });

  it('ends every fault before the plan ends, and never overlaps faults of one group', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { faults, durationMs } = planChaos(options);
        const endOfLane = new Map<string, number>();
        let lastStart = 0;
        for (const { atMs, forMs, kind, lane } of faults) {
          expect(atMs).toBeGreaterThanOrEqual(Math.max(lastStart, endOfLane.get(lane) ?? 0));
          expect(atMs + forMs).toBeLessThanOrEqual(durationMs);
          expect(forMs).toBeLessThanOrEqual(lengthOf(kind)[1] * 1000);
          expect(forMs > 0).toBe(!isMomentary(kind));
          lastStart = atMs;
          endOfLane.set(lane, atMs + forMs);
        }
      }),
    );
  });

  it('is bounded, and uses only its batches and workers', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { batches, faults, workers } = planChaos(options);
        expect(workers).toBeGreaterThanOrEqual(1);
        expect(workers).toBeLessThanOrEqual(3);
        expect(batches.length).toBeGreaterThanOrEqual(2);
        expect(batches.length).toBeLessThanOrEqual(2 + options.minutes * 10);
        expect(faults.length).toBeLessThanOrEqual(options.minutes * 60);
        for (const { rows } of batches) {
          expect(rows).toBeGreaterThanOrEqual(20);
          expect(rows).toBeLessThanOrEqual(150);
        }
        expect(new Set(batches.map(({ name }) => name)).size).toBe(batches.length);
      }),
    );
  });

  it('uses the given number of workers', () => {
    const options: ChaosOptions = { seed: 'any', minutes: 1, workers: 2 };
    expect(planChaos(options).workers).toBe(2);
    expect(planText(planChaos(options))).toContain('2 workers');
  });

  it('contains all kinds of faults within an hour', () => {
    const kinds = new Set(planChaos({ seed: '1', minutes: 60 }).faults.map(({ kind }) => kind));
    expect(kinds.size).toBe(37);
  });
});

const poisonsOf = (sheet: string): readonly string[] =>
  sheet.split('\n').flatMap((line) => POISONS.filter((poison) => line.includes(poison)));

describe('a chaos sheet', () => {
  it('has the planned rows, the same each time, and shares no prompt with another batch', () => {
    const { batches } = planChaos({ seed: '7', minutes: 5 });
    const sheets = batches.map((batch) => chaosSheet('7', batch));
    expect(sheets).toEqual(batches.map((batch) => chaosSheet('7', batch)));
    const prompts = sheets.flatMap((sheet) => sheet.trimEnd().split('\n').slice(1));
    expect(prompts).toHaveLength(batches.reduce((sum, { rows }) => sum + rows, 0));
    expect(new Set(prompts).size).toBe(prompts.length);
  });

  it('has one row that always fails if planned, and none otherwise', () => {
    const { batches } = planChaos({ seed: '7', minutes: 20 });
    for (const batch of batches)
      expect(poisonsOf(chaosSheet('7', batch))).toEqual(batch.poison === undefined ? [] : [batch.poison]);
    expect(new Set(batches.map(({ poison }) => poison)).size).toBe(POISONS.length + 1);
  });
});

const outcome = (end: RowOutcome['end']): RowOutcome => ({
  position: 0,
  rowId: 'fox' as RowId,
  contentHash: 'hash' as ContentHash,
  runSeq: 1,
  generations: [],
  end,
  settledAt: '2026-01-01T00:00:00.000Z',
});

const failed = (
  failure: 'refused' | 'flaky' | 'shard-lost' | 'result-gone' | 'service-error',
): RowOutcome['end'] => ({
  kind: 'failed',
  failure,
  message: 'why',
});

const judge = (prompt: string, end: RowOutcome['end'], jobsFail = false) =>
  unexpectedEnds([outcome(end)], new Map([['fox', { prompt }]]), jobsFail);

describe('an unexpected end of a row', () => {
  it('is reported, unless the prompt or the faults explain it', () => {
    expect(judge('fox', failed('refused'))).toEqual(['fox is failed as refused: why']);
    expect(judge('fox [[refuse]]', failed('refused'))).toEqual([]);
    expect(judge('fox', failed('flaky'))).toHaveLength(1);
    expect(judge('fox', failed('flaky'), true)).toEqual([]);
    expect(judge('fox', failed('shard-lost'))).toHaveLength(1);
    expect(judge('fox', failed('result-gone'), true)).toHaveLength(1);
    expect(judge('fox', { kind: 'cancelled' })).toEqual(['fox is cancelled']);
    expect(judge('fox [[poll-524]]', failed('service-error'))).toEqual([]);
    expect(judge('fox [[image-500]]', failed('result-gone'))).toEqual([]);
    expect(judge('fox', failed('service-error'))).toHaveLength(1);
  });
});
