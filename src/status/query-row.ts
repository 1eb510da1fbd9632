import { QueryNotRegisteredError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { RunRef } from '../storage/layout.js';
import { rowQuery, type RowView } from '../workflows/protocol/shard-messages.js';
import { shardWorkflowId } from '../workflows/protocol/names.js';
import { askTemporal } from '../network/temporal-calls.js';

/**
 * The state of a row of a running shard, by its index in the shard. `recorded`: it has ended, and its outcome is in
 * the bucket; `unopened`: its shard has not started or has not read its rows yet; `silent`: no worker answers in
 * time.
 */
export type RowAnswer = RowView | 'recorded' | 'unopened' | 'silent';

/** Queries a shard's worker about one of its rows. */
export async function queryRow(
  client: Client,
  run: RunRef,
  { shard, index }: { readonly shard: number; readonly index: number },
): Promise<RowAnswer> {
  const handle = client.workflow.getHandle(shardWorkflowId(run, shard));
  try {
    const answer = await askTemporal(client, async () => ({ view: await handle.query(rowQuery, index) }));
    return answer ? (answer.view ?? 'recorded') : 'silent';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof QueryNotRegisteredError) return 'unopened';
    throw error;
  }
}
