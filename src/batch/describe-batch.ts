import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { z } from 'zod';
import type { HoldScope } from '../domain/holds.js';
import { parseBatchId } from '../domain/ids.js';
import { PAUSE_KINDS, type Pause } from '../domain/pause.js';
import { TallyDocument } from '../ledger/documents.js';
import type { BatchLocation } from '../storage/layout.js';
import { SNAPSHOT_MEMO, type BatchSnapshot } from '../workflows/messages.js';
import { batchWorkflowId } from '../workflows/names.js';

const DEADLINE_MS = 5_000;

/** A batch's workflow as Temporal describes it; undefined where Temporal knows none, or no longer. */
export async function describeBatch(
  client: Client,
  location: BatchLocation,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.connection.withDeadline(Date.now() + DEADLINE_MS, () =>
      client.workflow.getHandle(batchWorkflowId(location.batchId)).describe(),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

const pause: z.ZodType<Pause> = z.object({
  kind: z.enum(PAUSE_KINDS),
  message: z.string(),
  since: z.string(),
  until: z.string().exactOptional(),
});

const Snapshot: z.ZodType<BatchSnapshot> = z.object({
  run: z.object({
    bucket: z.string(),
    root: z.string(),
    batchId: z.string().transform((text, context) => {
      const batchId = parseBatchId(text);
      if (batchId) return batchId;
      context.addIssue({ code: 'custom', message: 'is not a valid batch id' });
      return z.NEVER;
    }),
    runSeq: z.int(),
  }),
  phase: z.enum(['submitted', 'preparing', 'running', 'sealing', 'completed', 'cancelled', 'failed']),
  paused: z.boolean(),
  pauses: z.array(pause).exactOptional(),
  cancelling: z.boolean(),
  holds: z.array(
    z.object({
      scope: z.custom<HoldScope>((value) => typeof value === 'string'),
      code: z.string(),
      message: z.string(),
      textId: z.string().exactOptional(),
      status: z.int().exactOptional(),
      since: z.string(),
      nextTrialAt: z.string().exactOptional(),
    }),
  ),
  stoppedMs: z.number().exactOptional(),
  tally: TallyDocument,
  openShards: z.array(z.object({ shard: z.int(), rows: z.int() })),
  carriedStored: z.int(),
  concurrency: z.number(),
  pace: z.object({ concurrency: z.number(), notBefore: z.string(), fullAt: z.string() }).exactOptional(),
  startedAt: z.string(),
  endedAt: z.string().exactOptional(),
  failure: z.string().exactOptional(),
  asOf: z.string(),
});

/** The snapshot that a batch left in its memo; undefined for a workflow of another program or version. */
export function snapshotInMemo({
  memo,
}: {
  readonly memo?: Record<string, unknown>;
}): BatchSnapshot | undefined {
  return Snapshot.safeParse(memo?.[SNAPSHOT_MEMO]).data;
}
