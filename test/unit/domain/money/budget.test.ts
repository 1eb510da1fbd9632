import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import { microsOf, microsText } from '../../../../src/domain/money/decimal.js';
import { ShardLease } from '../../../../src/domain/money/shard-lease.js';
import { ExpectedCost, madeByRun, measuredCost } from '../../../../src/domain/money/run-cost.js';
import { BudgetSimulation } from '../../../support/simulation/budget-simulation.js';
import { seeded } from '../../../support/simulation/seeded.js';

/** What is wrong with a run by a seed; undefined if nothing is. */
function faultOf(seed: number): string | undefined {
  let fault: string | undefined;
  const simulation = new BudgetSimulation(seeded(seed), ({ spent, committed, highestCap }) => {
    if (spent > Math.min(committed, highestCap)) {
      fault ??= `${spent} spent, ${committed} leased, ${highestCap} allowed`;
    }
  });
  simulation.run(300);
  const end = simulation.settle();
  const { cap, spent, committed, rowsLeft, next = 0, stoppedAt, unspent, losses } = end;
  const isWhole = unspent === 0 && (losses > 0 || committed === spent);
  const isSpent = rowsLeft === 0 || (stoppedAt === next && next > cap - committed);
  return fault ?? (isWhole && isSpent ? undefined : JSON.stringify(end));
}

describe('a budget', () => {
  it(
    'is never exceeded by an image, and used as far as possible, in 1,000 seeded runs',
    { timeout: 120_000 },
    () => {
      const seeds = Array.from({ length: 1_000 }, (_, index) => index + 1);
      expect(seeds.flatMap((seed) => faultOf(seed)?.replace(/^/, `seed ${seed}: `) ?? [])).toEqual([]);
    },
  );
});

const granted = (id: string, run: string) =>
  ({ id, run, granted: 100, isVoid: false, call: 'nothing' }) as const;

function leaseOf(...ids: string[]): ShardLease {
  const lease = new ShardLease(() => ids.shift() ?? 'last');
  lease.take(granted('first', 'run'));
  return lease;
}

describe('the lease of a shard', () => {
  it('gets back the price of a refused create, but not one that a probe may buy unseen', () => {
    const lease = leaseOf('first');
    lease.reserve(0, 40);
    lease.reserve(1, 40);
    lease.expose(1);
    lease.giveBack(0);
    lease.giveBack(1);
    expect(lease.unspent).toBe(60);
    expect([lease.isReserved(0), lease.isReserved(1)]).toEqual([false, true]);
  });

  it('is void after a reset: none of its reservations count for the next one', () => {
    const lease = leaseOf('first', 'second');
    lease.reserve(0, 40);
    lease.reserve(1, 40);
    lease.refuse(0);
    lease.take(granted('first', 'run'));
    expect([lease.unspent, lease.isReserved(1), lease.runOf(1)]).toEqual([0, false, 'run']);
    lease.take(granted('second', 'later'));
    lease.giveBack(1);
    expect(lease.unspent).toBe(100);
  });
});

describe('amounts in millionths', () => {
  it('are exact, and refuse what is not', () => {
    expect(microsOf('25', 1_000)).toBe(25_000_000);
    expect(microsOf('0.000001', 1_000)).toBe(1);
    expect(
      ['0.0000001', '-1', '1e3', '', '.5', '1001', '1000.000001'].map((text) => microsOf(text, 1_000)),
    ).toEqual(Array.from({ length: 7 }));
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (micros) => {
        expect(microsOf(microsText(micros), 10_000)).toBe(micros);
      }),
    );
  });
});

const at = (balance: string, reserved = '0.00') => ({ balance, reserved });

describe('the measured cost of a run', () => {
  const alone = {
    before: at('10.00'),
    after: at('9.52'),
    others: [],
    openJobs: 0,
    ranOutOfFunds: false,
    expected: { least: '0.48', most: '0.52' },
  };

  it('is the decrease of the balance', () => {
    expect(measuredCost(alone)).toMatchObject({ measured: '0.48' });
    expect(measuredCost({ ...alone, expected: undefined })).toMatchObject({ measured: '0.48' });
    // The prices may be out of date.
    const { measured } = measuredCost({ ...alone, expected: { least: '0.24', most: '0.24' } });
    expect(measured).toBe('0.48');
  });

  it.each([
    [{ before: undefined }, 'began'],
    [{ after: undefined }, 'ended'],
    [{ before: at('10.00', '0.04') }, 'unfinished when the run began'],
    [{ after: at('9.52', '0.04') }, 'unfinished when the run ended'],
    [{ after: at('20.00') }, 'topped up'],
    [{ others: ['spring', 'a', 'b', 'c'] }, 'spring, a, b, and 1 more'],
    [{ others: undefined }, 'not known'],
    [{ openJobs: 2 }, '2 of its jobs were not seen to finish'],
    [{ ranOutOfFunds: true }, 'ran out'],
    // 3.20 were spent of 2.00 and a top-up of 1.20.
    [
      { before: at('2.00'), after: at('0.00'), expected: { least: '3.20', most: '3.20' } },
      'fell by 2.00, less than the images cost',
    ],
  ])('is missing with the reason if something else may have changed the balance (%j)', (change, reason) => {
    const { measured, unmeasured } = measuredCost({ ...alone, ...change });
    expect(measured).toBeNull();
    expect(unmeasured).toContain(reason);
  });

  it('is expected from the prices of what the run itself made', () => {
    const row = { model: 'pro', resolution: '1K', generation: 2, jobId: 'known' as JobId } as const;
    const record = { charged: 'unknown', end: 'failed' } as const;
    const made = madeByRun(row, [
      { ...record, generation: 1, jobId: 'old' as JobId },
      { ...record, generation: 2, jobId: 'known' as JobId },
      { ...record, generation: 3, jobId: 'new' as JobId },
      { generation: 4, end: 'done', charged: 'yes', jobId: 'last' as JobId },
    ]);
    const cost = new ExpectedCost(new Map([['pro', new Map([['1K', '0.08']])]]));
    cost.add(row, made);
    expect(cost.total).toEqual({ least: '0.08', most: '0.16' });
    cost.add({ model: 'nb', resolution: '1K' }, made);
    expect(cost.total).toBeUndefined();
  });
});
