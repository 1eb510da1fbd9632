import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { z } from 'zod';
import type { BudgetStatus } from '../domain/money/budget.js';
import type { Hold, HoldScope } from '../domain/batch/holds.js';
import { parseBatchId } from '../domain/rows/ids.js';
import { PAUSE_KINDS, type Pause } from '../domain/batch/pause.js';
import { TallyDocument } from '../ledger/documents.js';
import type { BatchLocation, RunRef } from '../storage/layout.js';
import type { LoweredPace } from '../domain/time/pace.js';
import { SNAPSHOT_MEMO, type BatchSnapshot } from '../workflows/protocol/batch-messages.js';
import { batchWorkflowId } from '../workflows/protocol/names.js';
import { withinDeadline } from '../network/temporal-calls.js';

/** A batch's workflow as Temporal describes it; undefined if Temporal does not know it, or no longer. */
export async function describeBatch(
  client: Client,
  location: BatchLocation,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await withinDeadline(client.connection, () =>
      client.workflow.getHandle(batchWorkflowId(location.batchId)).describe(),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Schemas for every field of T, including optional ones: an omitted one fails the typecheck. */
type EveryField<T> = { readonly [Field in keyof T]-?: z.ZodType<Required<T>[Field]> };

const pause = z.object({
  kind: z.enum(PAUSE_KINDS),
  message: z.string(),
  since: z.string(),
  until: z.string().exactOptional(),
} satisfies EveryField<Pause>);

const hold = z.object({
  scope: z.custom<HoldScope>((value) => typeof value === 'string'),
  code: z.string(),
  message: z.string(),
  textId: z.string().exactOptional(),
  status: z.int().exactOptional(),
  retryAfterMs: z.number().exactOptional(),
  since: z.string(),
  nextTrialAt: z.string().exactOptional(),
} satisfies EveryField<Hold>);

const budget = z.object({
  cap: z.string(),
  committed: z.string(),
  images: z.int(),
  unknown: z.string().exactOptional(),
} satisfies EveryField<BudgetStatus>);

const pace = z.object({
  concurrency: z.number(),
  notBefore: z.string(),
  fullAt: z.string(),
} satisfies EveryField<LoweredPace>);

const run = z.object({
  bucket: z.string(),
  root: z.string(),
  batchId: z.string().transform((text, context) => {
    const batchId = parseBatchId(text);
    if (batchId) return batchId;
    context.addIssue({ code: 'custom', message: 'is not a batch id' });
    return z.NEVER;
  }),
  runSeq: z.int(),
} satisfies EveryField<RunRef>);

const Snapshot: z.ZodType<BatchSnapshot> = z.object({
  run,
  phase: z.enum(['submitted', 'preparing', 'running', 'sealing', 'completed', 'cancelled', 'failed']),
  paused: z.boolean(),
  pauses: z.array(pause).exactOptional(),
  budget: budget.exactOptional(),
  cancelling: z.boolean(),
  holds: z.array(hold),
  stoppedMs: z.number().exactOptional(),
  tally: TallyDocument,
  openShards: z.array(z.object({ shard: z.int(), rows: z.int() })),
  carriedStored: z.int(),
  concurrency: z.number(),
  pace: pace.exactOptional(),
  startedAt: z.string(),
  endedAt: z.string().exactOptional(),
  failure: z.string().exactOptional(),
  asOf: z.string(),
} satisfies EveryField<BatchSnapshot>);

/** The snapshot in a batch's memo; undefined for a workflow of another program or version. */
export function snapshotInMemo({
  memo,
}: {
  readonly memo?: Record<string, unknown>;
}): BatchSnapshot | undefined {
  return Snapshot.safeParse(memo?.[SNAPSHOT_MEMO]).data;
}

/** Maximum number of batches to name. */
const MOST = 20;
const PREFIX = batchWorkflowId('' as Parameters<typeof batchWorkflowId>[0]);

/** The ids of batches whose workflows were running at any time since `sinceIso`, according to Temporal's index; at most 20. */
export async function openBatchesSince(client: Client, sinceIso: string): Promise<readonly string[]> {
  const query = `WorkflowType = 'runBatch' AND (ExecutionStatus = 'Running' OR CloseTime >= '${sinceIso}')`;
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query, pageSize: MOST })) {
    ids.add(workflowId.slice(PREFIX.length));
    if (ids.size >= MOST) break;
  }
  return [...ids];
}
