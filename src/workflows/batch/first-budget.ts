import { ActivityFailure } from '@temporalio/workflow';
import { asPart } from '../../domain/text/full-stop.js';
import { addBought, NOTHING_BOUGHT, type Bought } from '../../domain/money/budget.js';
import type { ShardRuns } from './shard-runs.js';

/** What the ended shards of a batch have bought; others may end while some are counted. */
export async function boughtByEnded(
  shards: Pick<ShardRuns, 'ended'>,
  countBought: (shards: readonly number[]) => Promise<Bought>,
): Promise<Bought> {
  let sum = NOTHING_BOUGHT;
  const counted = new Set<number>();
  const left = (): readonly number[] => shards.ended.filter((shard) => !counted.has(shard));
  for (let next = left(); next.length > 0; next = left()) {
    sum = addBought(sum, await countBought(next));
    for (const shard of next) counted.add(shard);
  }
  return sum;
}

/** Why a batch is paused whose first budget could not be set, and how to continue it. */
export function unsetText(batchId: string, budget: string, error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const reason = asPart(cause instanceof Error ? cause.message : String(cause));
  return `The budget of ${budget} was not set: ${reason}. Continue with: banana-batch set ${batchId} --budget ${budget}, or without a budget: banana-batch resume ${batchId}`;
}
