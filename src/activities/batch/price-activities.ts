import { ApplicationFailure } from '@temporalio/common';
import { addBought, NOTHING_BOUGHT, type Bought } from '../../domain/money/budget.js';
import { MAX_PRICE } from '../../domain/money/decimal.js';
import { kindsText, ImageCounts } from '../../domain/money/image-counts.js';
import { microsFor, priceOf, tableOf, type PriceTable } from '../../domain/money/price-table.js';
import { boughtByRun } from '../../domain/money/run-cost.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { listParts, readParts } from '../../ledger/parts.js';
import type { RunRef } from '../../storage/layout.js';
import type { Activities, ShardPrices } from '../../workflows/protocol/activities.js';
import type { WorkerState } from '../worker/dependencies.js';
import { bearingBucket } from './shard-activities.js';

/** Returns the prices of a shard's rows, and what was bought for those in the parts before the given one. */
export function priceShardActivity(state: WorkerState): Activities['priceShard'] {
  return ({ run, shard, prices, beforePart }) =>
    bearingBucket(state, async () => {
      const rows = await state.shardRows.all(run, shard);
      const table = tableOf(prices);
      return {
        prices: rowPrices(rows, table),
        ...(await boughtIn(state, { run, shard, beforePart, table })),
      };
    });
}

/** Returns what a run has bought for the recorded rows of some shards. Amounts in millionths. */
export function countBoughtActivity(state: WorkerState): Activities['countBought'] {
  return ({ run, shards, prices }) =>
    bearingBucket(state, async () => {
      const table = tableOf(prices);
      let sum = NOTHING_BOUGHT;
      for (const shard of shards) {
        sum = addBought(sum, await boughtIn(state, { run, shard, beforePart: Infinity, table }));
      }
      return sum;
    });
}

/** Fails with a message for users if an image of the run has no price with which a budget can be kept. */
export function checkPricesActivity(state: WorkerState): Activities['checkPrices'] {
  return ({ run, shardCount, prices }) =>
    bearingBucket(state, async () => {
      const table = tableOf(prices);
      const [unpriced, unusable] = [new ImageCounts(), new ImageCounts()];
      for (let shard = 0; shard < shardCount; shard++) {
        for (const row of await state.shardRows.all(run, shard)) {
          if (priceOf(table, row) === undefined) unpriced.add(row);
          else if (microsFor(table, row) === undefined) unusable.add(row);
        }
      }
      if (unpriced.list.length > 0) {
        throw ApplicationFailure.nonRetryable(
          `BANANA_PRICES has no price for ${kindsText(unpriced.list)}. Add it, and set the budget again.`,
        );
      }
      if (unusable.list.length > 0) {
        throw ApplicationFailure.nonRetryable(
          `A price in BANANA_PRICES has more than six decimals, or exceeds ${MAX_PRICE}: ${kindsText(unusable.list)}. Correct it, and set the budget again.`,
        );
      }
    });
}

async function boughtIn(
  state: WorkerState,
  {
    run,
    shard,
    beforePart,
    table,
  }: {
    readonly run: RunRef;
    readonly shard: number;
    readonly beforePart: number;
    readonly table: PriceTable;
  },
): Promise<Bought> {
  const parts = beforePart === 0 ? [] : await listParts(state.store, run, shard);
  const counted = parts.filter(({ part }) => part < beforePart);
  if (counted.length === 0) return NOTHING_BOUGHT;
  const outcomes = await readParts(state.store, run, counted);
  return sumOf(await state.shardRows.all(run, shard), outcomes, table);
}

function sumOf(
  rows: readonly ShardRow[],
  outcomes: ReadonlyMap<number, RowOutcome>,
  table: PriceTable,
): Bought {
  const sum = { spent: 0, images: 0 };
  for (const row of rows) {
    const bought = boughtByRun(row, outcomes.get(row.position)?.generations ?? []).length;
    sum.spent += bought * (microsFor(table, row) ?? 0);
    sum.images += bought;
  }
  return sum;
}

/** Prices of the rows' images, run-length encoded. */
function rowPrices(rows: readonly ShardRow[], table: PriceTable): ShardPrices['prices'] {
  const runs: { price: number; rows: number }[] = [];
  for (const row of rows) {
    const price = microsFor(table, row);
    if (price === undefined) {
      throw ApplicationFailure.nonRetryable(`There is no price for ${row.model} ${row.resolution}.`);
    }
    const last = runs.at(-1);
    if (last?.price === price) last.rows += 1;
    else runs.push({ price, rows: 1 });
  }
  return runs;
}
