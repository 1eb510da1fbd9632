import type { Client } from '@temporalio/client';
import { OutcomeLine, Report, ShardRowLine } from '../../src/ledger/documents.js';
import { readJsonLines } from '../../src/ledger/json-lines.js';
import type { RowOutcome } from '../../src/domain/outcome.js';
import type { ShardRow } from '../../src/domain/row.js';
import type { BatchId } from '../../src/domain/ids.js';
import {
  at,
  metadataKey,
  outcomesKey,
  reportKey,
  rowsKey,
  type BatchLocation,
} from '../../src/storage/layout.js';
import type { ObjectStore } from '../../src/storage/object-store.js';
import { batchWorkflowId, shardWorkflowId } from '../../src/workflows/messages.js';

/** What a finished batch has left in the bucket. */
export interface BatchEvidence {
  readonly report: Report;
  readonly outcomes: readonly RowOutcome[];
  readonly rows: ReadonlyMap<string, ShardRow>;
  readonly metadata: readonly Readonly<Record<string, unknown>>[];
}

export async function readEvidence(
  store: ObjectStore,
  location: BatchLocation,
  run: { readonly runSeq: number; readonly shardCount: number },
): Promise<BatchEvidence> {
  const text = await store.readText(at(location, reportKey(location)));
  const outcomes: RowOutcome[] = [];
  const outcomesAt = outcomesKey(location, run.runSeq);
  for await (const outcome of readJsonLines(
    await store.read(at(location, outcomesAt)),
    OutcomeLine,
    outcomesAt,
  )) {
    outcomes.push(outcome);
  }
  const rows = new Map<string, ShardRow>();
  for (let shard = 0; shard < run.shardCount; shard++) {
    const key = rowsKey(location, run.runSeq, shard);
    for await (const row of readJsonLines(await store.read(at(location, key)), ShardRowLine, key)) {
      rows.set(row.rowId, row);
    }
  }
  const metadata = (await store.readText(at(location, metadataKey(location)))).split('\n').filter(Boolean);
  return {
    report: Report.parse(JSON.parse(text)),
    outcomes,
    rows,
    metadata: metadata.map((line): Record<string, unknown> => JSON.parse(line)),
  };
}

/** Events in the histories of a run's workflows, all together. */
export async function countHistoryEvents(
  client: Client,
  batchId: BatchId,
  run: { readonly runSeq: number; readonly shardCount: number },
): Promise<{ readonly parent: number; readonly shards: number }> {
  const length = async (workflowId: string): Promise<number> =>
    (await client.workflow.getHandle(workflowId).describe()).historyLength;
  const shards = await Promise.all(
    Array.from({ length: run.shardCount }, (_, shard) =>
      length(shardWorkflowId({ batchId, runSeq: run.runSeq }, shard)),
    ),
  );
  return {
    parent: await length(batchWorkflowId(batchId)),
    shards: shards.reduce((sum, events) => sum + events, 0),
  };
}
