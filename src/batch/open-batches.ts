import type { Client } from '@temporalio/client';
import { batchWorkflowId } from '../workflows/protocol/names.js';

/** More are not worth naming. */
const MOST = 20;
const PREFIX = batchWorkflowId('' as Parameters<typeof batchWorkflowId>[0]);

/** The ids of batches whose workflows were running at any time since `sinceIso`, as far as Temporal's index has them; 20 at most. */
export async function openBatchesSince(client: Client, sinceIso: string): Promise<readonly string[]> {
  const query = `WorkflowType = 'runBatch' AND (ExecutionStatus = 'Running' OR CloseTime >= '${sinceIso}')`;
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query, pageSize: MOST })) {
    ids.add(workflowId.slice(PREFIX.length));
    if (ids.size >= MOST) break;
  }
  return [...ids];
}
