import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canaryIndexes, canaryOf, MAX_CANARY_ROWS } from '../../../../src/domain/batch/canary.js';
import { jobTimesOf, canaryText } from '../../../../src/report/canary-result.js';
import { shardsByPosition } from '../../../../src/ledger/run-rows.js';

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: MAX_CANARY_ROWS }),
  of: fc.integer({ min: 1, max: 1_000_000 }),
});

describe('the rows of a canary', () => {
  it('come from regions of equal size, including the first row, and are all rows if there are few', () => {
    fc.assert(
      fc.property(sizes, ({ rows, of }) => {
        const count = Math.min(rows, of);
        const indexes = canaryIndexes({ rows, of });
        expect(indexes).toHaveLength(count);
        expect(indexes[0]).toBe(0);
        for (const [region, index] of indexes.entries()) {
          expect(index).toBeGreaterThanOrEqual(Math.floor((region * of) / count));
          expect(index).toBeLessThan(Math.floor(((region + 1) * of) / count));
        }
      }),
    );
  });

  it('vary if a few values repeat through the sheet', () => {
    const periods = [2, 3, 4, 5, 6, 8, 10, 12, 20];
    for (const rows of [8, 10, 12, 20]) {
      for (const period of periods) {
        const values = new Set(canaryIndexes({ rows, of: rows * period * 5 }).map((index) => index % period));
        expect(values.size).toBeGreaterThanOrEqual(Math.min(period, rows) / 2);
      }
    }
  });

  it('are none if no other row would be left', () => {
    expect(canaryOf({ rows: 8 }, 8)).toBeUndefined();
    expect(canaryOf({ rows: 8, waitMs: 1 }, 9)).toEqual({ rows: 8, waitMs: 1, of: 9 });
    expect(canaryOf(undefined, 9)).toBeUndefined();
  });

  it('return to the order of the sheet among the others', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 99 })),
        fc.array(fc.boolean(), { minLength: 100, maxLength: 100 }),
        fc.integer({ min: 1, max: 20 }),
        async (positions, isCanary, length) => {
          const sheet = positions.toSorted((a, b) => a - b);
          const others = sheet.filter((position) => !isCanary[position]);
          const shards = [
            sheet.filter((position) => isCanary[position]),
            ...Array.from({ length: Math.ceil(others.length / length) }, (_, shard) =>
              others.slice(shard * length, (shard + 1) * length),
            ),
          ];
          const merged: number[] = [];
          const opened = shards.map((shard) => () => rowsAt(shard));
          for await (const { row } of shardsByPosition(opened)) merged.push(row.position);
          expect(merged).toEqual(sheet);
        },
      ),
    );
  });
});

async function* rowsAt(positions: readonly number[]): AsyncGenerator<{ row: { position: number } }> {
  for (const position of positions) yield { row: { position } };
}

describe('the result of a canary', () => {
  it('shows images, failures, times, cost, and waiting rows', () => {
    const jobTimes = jobTimesOf([9_000, 8_000, 30_000]);
    expect(jobTimes).toEqual({
      jobs: 3,
      shortestMs: 8_000,
      medianMs: 9_000,
      longestMs: 30_000,
      meanMs: 47_000 / 3,
    });
    const result = { rows: 4, made: 3, failuresByKind: { refused: 1 }, generations: 4, left: 1192 };
    const cost = { made: '0.12', whole: '46.64', isPartial: false };
    expect(canaryText({ ...result, ...(jobTimes && { jobTimes }), leftSeconds: [190, 380], cost })).toBe(
      '3 of 4 images made, 1 refused. Jobs took 8s to 30s (median 9s). Cost so far 0.12, whole run about 46.64. 1,192 rows are waiting: about 3m 10s to 6m 20s.',
    );
    expect(canaryText({ ...result, made: 0, failuresByKind: { flaky: 4 }, left: 1 })).toBe(
      '0 of 4 images made, 4 flaky. 1 row is waiting.',
    );
    expect(jobTimesOf([])).toBeUndefined();
  });
});
