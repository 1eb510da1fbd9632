import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { batchWorkflowId } from '../workflows/protocol/names.js';
import type { BatchLocation } from '../storage/layout.js';
import { withinDeadline } from '../network/temporal-calls.js';

const DEADLINE_MS = 30_000;
const REASON = 'banana-batch: terminated to continue from the bucket';

/** Terminates the workflows of a batch and its shards. What they have made is in the bucket, or is found again by its keys. */
export async function endWorkflows(
  client: Client,
  { batchId }: Pick<BatchLocation, 'batchId'>,
): Promise<void> {
  const workflowId = batchWorkflowId(batchId);
  const endAll = async (): Promise<void> => {
    // The batch first: it would restart its shards.
    await end(client, workflowId);
    const shards = `WorkflowType = 'runShard' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '${workflowId}/'`;
    for await (const { workflowId: shard } of client.workflow.list({ query: shards }))
      await end(client, shard);
  };
  await withinDeadline(client.connection, endAll, DEADLINE_MS);
}

async function end(client: Client, workflowId: string): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).terminate(REASON);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
