import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isBelievable,
  missingAgain,
  missingDelayMs,
  type MissingJob,
} from '../../../../src/domain/rows/missing-job.js';
import { RowFaults, type FaultStep, type RowFault } from '../../../../src/domain/batch/row-faults.js';

const LIMIT_MS = 300_000;
const STEPS: readonly FaultStep[] = ['create:pro:text', 'job', 'image'];

const events = fc.array(
  fc.record({
    kind: fc.constantFrom('fails', 'fails', 'goes through'),
    row: fc.nat(5),
    step: fc.constantFrom(...STEPS),
    afterMs: fc.nat(100_000),
  }),
  { maxLength: 150 },
);

describe('row faults of a shard', () => {
  it('never end or set aside a row without a later success of others at the same step', () => {
    fc.assert(
      fc.property(events, (all) => {
        const faults = new RowFaults();
        const known = new Map<number, RowFault>();
        const succeededMs = new Map<FaultStep, number>();
        let nowMs = 1_000_000;
        for (const { kind, row, step, afterMs } of all) {
          nowMs += afterMs + 1;
          if (kind === 'goes through') {
            faults.noteSuccess(step, nowMs);
            succeededMs.set(step, nowMs);
            if (known.get(row)?.step === step) known.delete(row);
            continue;
          }
          const failed = {
            step,
            nowMs,
            failedMs: afterMs,
            limitMs: LIMIT_MS,
            clock: { id: 'one', ms: nowMs },
          };
          const { fault, verdict } = faults.judge(row, known.get(row), failed);
          known.set(row, fault);
          const isOthersToo = (succeededMs.get(step) ?? -Infinity) > fault.sinceMs;
          expect(verdict.kind === 'hold' || isOthersToo).toBe(true);
          expect(verdict.kind !== 'end' || (fault.ownMs >= LIMIT_MS && fault.failures >= 3)).toBe(true);
        }
      }),
    );
  });

  it('hold the scope at the third row set aside without a success in between, or at the first without any', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(100), { minLength: 3, maxLength: 8 }), (rows) => {
        const faults = new RowFaults();
        const failed = { step: 'job', failedMs: 10, limitMs: LIMIT_MS, clock: { id: 'one', ms: 0 } } as const;
        expect(faults.judge(0, undefined, { ...failed, nowMs: 100 }).verdict).toEqual({ kind: 'hold' });
        faults.noteSuccess('job', 200);
        const kinds = rows.map((row) => faults.judge(row, undefined, { ...failed, nowMs: 205 }).verdict.kind);
        expect(kinds.slice(0, 2)).toEqual(['aside', 'aside']);
        expect(new Set(kinds.slice(2))).toEqual(new Set(['hold']));
        faults.noteSuccess('job', 300);
        expect(faults.judge(7, undefined, { ...failed, nowMs: 305 }).verdict.kind).toBe('aside');
      }),
    );
  });

  it('end a row that failed alone in an earlier run without a success of others, but not at once', () => {
    const faults = new RowFaults();
    const kinds: string[] = [];
    let before: RowFault | undefined;
    for (let tries = 1; tries <= 4; tries++) {
      const clock = { id: 'one', ms: tries * LIMIT_MS };
      const failed = { step: 'job', nowMs: clock.ms, failedMs: 10, limitMs: LIMIT_MS, clock } as const;
      const { fault, verdict } = faults.judge(1, before, { ...failed, failedAlone: true });
      before = fault;
      kinds.push(verdict.kind);
    }
    expect(kinds).toEqual(['aside', 'aside', 'end', 'end']);
  });

  it('wait longer each time, up to a fifth of the time that a row may fail', () => {
    const faults = new RowFaults();
    const waits: number[] = [];
    let before: RowFault | undefined;
    for (let tries = 0; tries < 8; tries++) {
      const nowMs = 1_000 + tries;
      faults.noteSuccess('image', nowMs + 1);
      const failed = {
        step: 'image',
        nowMs,
        failedMs: 0,
        limitMs: LIMIT_MS,
        clock: { id: 'one', ms: 0 },
      } as const;
      const { fault, verdict } = faults.judge(1, before, failed);
      before = fault;
      if (verdict.kind === 'aside') waits.push(verdict.waitMs);
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect([waits[0], waits.at(-1)]).toEqual([15_000, 60_000]);
  });
});

describe('a missing job', () => {
  const limits = { goneAfterLooks: 20, goneAfterMs: 600_000 };

  it('is considered gone after 20 polls over ten minutes, and by neither alone', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(120_000), { minLength: 1, maxLength: 60 }), (waits) => {
        let missing: MissingJob | undefined;
        let nowMs = 5;
        for (const [looks, waitMs] of waits.entries()) {
          nowMs += looks === 0 ? 0 : waitMs;
          missing = missingAgain(missing, nowMs);
          expect(missing).toEqual({ looks: looks + 1, sinceMs: 5 });
          const isLong = looks + 1 >= 20 && nowMs - 5 >= 600_000;
          expect(isBelievable(missing, nowMs, limits)).toBe(isLong);
        }
      }),
    );
  });

  it('is polled less and less often, but often enough to decide in time', () => {
    const delays = Array.from({ length: 40 }, (_, index) => missingDelayMs(3 + index, limits, 0.5));
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
    expect([delays[0], delays.at(-1)]).toEqual([2_000, 600_000 / 19]);
  });
});
