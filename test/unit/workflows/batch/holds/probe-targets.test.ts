import { describe, expect, it } from 'vitest';
import { ProbeTargets } from '../../../../../src/workflows/batch/holds/probe-targets.js';
import type { ProbeCandidate } from '../../../../../src/workflows/protocol/shard-messages.js';

const CAUSE = { scope: 'service', code: 'unavailable', message: 'The service is failing.' } as const;
const NEED = { kind: 'step', step: 'create:pro:text' } as const;

function doubtful(row: number): ProbeCandidate {
  return { shard: 0, row, generation: 1, isDoubtful: true };
}

function targetsOf(failed: ProbeCandidate): ProbeTargets {
  return new ProbeTargets(CAUSE, { candidate: failed, others: [], need: NEED });
}

function rowsOf(candidates: readonly ProbeCandidate[]): readonly number[] {
  return candidates.map(({ row }) => row);
}

describe('the rows of a probe', () => {
  it('take turns, although every probe starts with the first and the shard offers them all again', () => {
    const offered = [0, 1, 2, 3].map(doubtful);
    const targets = targetsOf(doubtful(0));
    const first: number[] = [];
    for (let probe = 0; probe < 4; probe++) {
      targets.take({ rows: offered, isForNobody: false });
      const [used] = targets.next(true);
      if (!used) throw new Error('There is no row.');
      first.push(used.row);
      targets.note(used, { unansweredSinceMs: 1_000 }, 2_000);
    }
    expect(first.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });

  it('that are new come first, and known ones are updated in place', () => {
    const targets = targetsOf(doubtful(0));
    targets.take({ rows: [doubtful(0), doubtful(1)], isForNobody: false });
    targets.take({ rows: [{ ...doubtful(1), unansweredSinceMs: 5 }, doubtful(2)], isForNobody: false });
    expect(rowsOf(targets.next(true))).toEqual([2, 0, 1]);
    expect(targets.next(true)[2]).toMatchObject({ row: 1, unansweredSinceMs: 5 });
  });

  it('are left out if only rows remain that fail by themselves', () => {
    const targets = targetsOf(doubtful(0));
    targets.take({ rows: [doubtful(0), doubtful(1)], isForNobody: true });
    expect(targets.next(true)).toEqual([]);
  });

  it('buy nothing while nothing may be bought', () => {
    const targets = targetsOf(doubtful(0));
    targets.take({ rows: [doubtful(1)], isForNobody: false });
    expect(targets.next(false)).toEqual([]);
  });
});
