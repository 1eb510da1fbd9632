import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobId } from '../../../../src/domain/rows/ids.js';
import type { RowOutcome } from '../../../../src/domain/rows/outcome.js';
import { repeatedJobsText, RepeatedJobsFinder } from '../../../../src/domain/images/repeated-jobs.js';
import { storedOutcome } from '../../../support/sample-rows.js';

/** A row with these jobs; each a separate generation, unless given otherwise. */
const row = (
  position: number,
  jobs: readonly (string | undefined)[],
  generationOf = (index: number): number => index + 1,
): RowOutcome => ({
  ...storedOutcome(`r${position}`, position, position),
  position,
  generations: jobs.map((job, index) => ({
    generation: generationOf(index),
    ...(job !== undefined && { jobId: job as JobId }),
    end: 'done',
    charged: 'yes',
  })),
});

function noted(outcomes: readonly RowOutcome[]): RepeatedJobsFinder {
  const finder = new RepeatedJobsFinder();
  for (const outcome of outcomes) finder.note(outcome);
  return finder;
}

test('jobs of one generation each are not reported, even if several records contain that generation', () => {
  expect(noted([row(0, ['a', 'b']), row(1, ['c', undefined]), row(2, [])]).found).toBe(false);
  expect(noted([row(0, ['a', 'a'], () => 1)]).found).toBe(false);
});

test('a job of two generations of a row is reported', async () => {
  const outcomes = [row(0, ['a', 'b', 'a'])];
  const repeated = await noted(outcomes).collect(outcomes);
  expect(repeated).toEqual({ jobs: 1, examples: [{ jobId: 'a', rowIds: ['r0'] }] });
  expect(repeatedJobsText(repeated)).toContain('a for generations of row r0');
});

test('repeated jobs are those that comparing all with all finds, and examples are limited', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat({ max: 150 }), { maxLength: 3 }), { maxLength: 200 }),
      async (rows) => {
        const outcomes = rows.map((jobs, position) => row(position, jobs.map(String)));
        const all = rows.flat();
        const repeated = new Set(all.filter((job, at) => all.indexOf(job) !== at));
        const finder = noted(outcomes);
        expect(finder.found).toBe(repeated.size > 0);
        const { jobs, examples } = await finder.collect(outcomes);
        expect([jobs, examples.length]).toEqual([repeated.size, Math.min(20, repeated.size)]);
        for (const { jobId, rowIds } of examples) {
          const holders = rows.flatMap((held, at) => (held.includes(Number(jobId)) ? [`r${at}`] : []));
          expect(rowIds).toEqual(holders.slice(0, 5));
        }
      },
    ),
  );
});
