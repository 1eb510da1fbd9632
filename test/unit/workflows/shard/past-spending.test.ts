import { expect, it } from 'vitest';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import { pastSpending } from '../../../../src/workflows/shard/past-spending.js';
import { rowsAtFirst } from '../../../../src/workflows/shard/row-progress.js';
import { EMPTY_TALLY } from '../../../../src/domain/batch/tally.js';

const job = (id: string): JobId => id as JobId;

it('counts the jobs of this run once each, and lists the creates that may be under way', () => {
  const known = [
    // A job of an earlier run, which this run only awaits.
    { row: 0, generation: 1, jobId: job('earlier') },
    { row: 1, generation: 2 },
  ];
  const rows = rowsAtFirst(
    {
      modes: [{ mode: 'nb:text', rows: 8 }],
      known,
      recorded: { rows: [2], tally: EMPTY_TALLY },
      nextPart: 1,
    },
    [],
    0,
  );
  const [, made, , failedOnce, sending, refused, unanswered] = rows;
  if (!made || !failedOnce || !sending || !refused || !unanswered) throw new Error('There are eight rows.');
  made.jobId = job('made');
  failedOnce.generation = 2;
  failedOnce.generations.push({ generation: 1, jobId: job('failed'), end: 'failed', charged: 'no' });
  sending.phase = 'inFlight';
  refused.phase = 'settled';
  refused.generations.push({ generation: 1, end: 'failed', charged: 'no' });
  unanswered.unansweredSinceMs = 5;
  expect(pastSpending(rows, { known, offered: new Set([7]), priceOf: (row) => 10 + row })).toEqual({
    spent: 11 + 13,
    images: 2,
    underway: [
      { row: 4, price: 14, isExposed: false },
      { row: 6, price: 16, isExposed: true },
      { row: 7, price: 17, isExposed: true },
    ],
  });
});
