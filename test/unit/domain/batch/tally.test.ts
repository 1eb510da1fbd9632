import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAILURE_KINDS } from '../../../../src/domain/rows/failure-kind.js';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import type { SettledRow } from '../../../../src/domain/rows/outcome.js';
import {
  addsUp,
  addTallies,
  EMPTY_TALLY,
  sameEnds,
  tallyOfPending,
  tallyOfSettled,
} from '../../../../src/domain/batch/tally.js';

const image = { type: 'png', width: 1, height: 1, sizeBytes: 1, sha256: 'a' } as const;
const settled = fc.record({
  end: fc.oneof(
    fc.constant<SettledRow['end']>({ kind: 'stored', image, adopted: false }),
    fc.constant<SettledRow['end']>({ kind: 'cancelled' }),
    fc
      .constantFrom(...FAILURE_KINDS)
      .map((failure): SettledRow['end'] => ({ kind: 'failed', failure, message: '' })),
  ),
  generations: fc.array(
    fc.constant({ generation: 1, jobId: 'job' as JobId, end: 'done', charged: 'yes' } as const),
    { maxLength: 3 },
  ),
});
const rows = fc.array(settled, { maxLength: 30 });

const failed = (failure: 'flaky' | 'refused') =>
  tallyOfSettled([{ end: { kind: 'failed', failure, message: '' }, generations: [] }]);

describe('tallies', () => {
  it('agree on the same ends of rows, and differ by a single row', () => {
    fc.assert(
      fc.property(rows, settled, (some, one) => {
        const tally = tallyOfSettled(some);
        expect(sameEnds(tally, { ...tally, generations: tally.generations + 1 })).toBe(true);
        expect(sameEnds(tally, tallyOfSettled([...some, one]))).toBe(false);
      }),
    );
    expect(sameEnds(failed('flaky'), failed('refused'))).toBe(false);
  });

  it('of two sets of rows add up to the tally of both', () => {
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        expect(addTallies(tallyOfSettled(a), tallyOfSettled(b))).toEqual(tallyOfSettled([...a, ...b]));
      }),
    );
  });

  it('can be added in any order and grouping, and the empty one changes nothing', () => {
    fc.assert(
      fc.property(rows, rows, rows, (first, second, third) => {
        const [a, b, c] = [first, second, third].map(tallyOfSettled);
        if (!a || !b || !c) throw new Error('three were made');
        expect(addTallies(a, b)).toEqual(addTallies(b, a));
        expect(addTallies(addTallies(a, b), c)).toEqual(addTallies(a, addTallies(b, c)));
        expect(addTallies(a, EMPTY_TALLY)).toEqual(a);
      }),
    );
  });

  it('are consistent, including failures by kind', () => {
    fc.assert(
      fc.property(rows, fc.nat(100), (some, pending) => {
        const tally = addTallies(tallyOfSettled(some), tallyOfPending(pending));
        expect(addsUp(tally)).toBe(true);
        expect(tally.total).toBe(some.length + pending);
        expect(Object.values(tally.failuresByKind).reduce((sum, count) => sum + count, 0)).toBe(tally.failed);
        expect(addsUp({ ...tally, stored: tally.stored + 1 })).toBe(false);
      }),
    );
  });
});
