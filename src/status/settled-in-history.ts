import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { z } from 'zod';
import type { SettledRow } from '../domain/rows/outcome.js';
import { SettledDocument } from '../ledger/documents.js';
import type { RunRef } from '../storage/layout.js';
import { shardWorkflowId } from '../workflows/protocol/names.js';
import { withinDeadline } from '../network/temporal-calls.js';

const DEADLINE_MS = 60_000;
const Recorded = z.object({ settled: z.array(SettledDocument) });

/**
 * The outcomes of a shard's rows, by index in it, from what its workflow has had recorded according to Temporal's
 * history. Throws what Temporal's client throws.
 */
export async function settledInHistory(
  client: Client,
  run: RunRef,
  shard: number,
): Promise<ReadonlyMap<number, SettledRow>> {
  const workflowId = shardWorkflowId(run, shard);
  const read = async (): Promise<ReadonlyMap<number, SettledRow>> => {
    const executions: { readonly runId: string; readonly startTime: Date }[] = [];
    for await (const execution of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
      executions.push(execution);
    }
    const settled = new Map<number, SettledRow>();
    for (const { runId } of executions.toSorted((a, b) => Number(a.startTime) - Number(b.startTime))) {
      const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      for (const { activityTaskScheduledEventAttributes: scheduled } of events ?? []) {
        const [payload] = scheduled?.input?.payloads ?? [];
        if (scheduled?.activityType?.name !== 'recordOutcomes' || !payload) continue;
        const recorded = Recorded.safeParse(defaultPayloadConverter.fromPayload(payload));
        for (const one of recorded.data?.settled ?? []) settled.set(one.row, one);
      }
    }
    return settled;
  };
  return withinDeadline(client.connection, read, DEADLINE_MS);
}
