import type { Client } from '@temporalio/client';
import type { z } from 'zod';
import { BatchFile, CarriedLine, OutcomeLine, Report, ShardRowLine } from '../../../src/ledger/documents.js';
import { readJsonLines } from '../../../src/ledger/files/json-lines.js';
import { readDocument } from '../../../src/ledger/files/read-document.js';
import type { RowOutcome } from '../../../src/domain/rows/outcome.js';
import type { ShardRow } from '../../../src/domain/rows/row.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import {
  at,
  batchFileKey,
  carriedKey,
  metadataKey,
  outcomesKey,
  reportKey,
  rowsKey,
  type BatchLocation,
} from '../../../src/storage/layout.js';
import type { ObjectStore } from '../../../src/storage/object-store.js';
import { batchWorkflowId, shardWorkflowId } from '../../../src/workflows/protocol/names.js';

/** What a finished batch has left in the bucket. */
export interface BatchEvidence {
  readonly report: Report;
  readonly outcomes: readonly RowOutcome[];
  readonly rows: ReadonlyMap<string, ShardRow>;
  readonly metadata: readonly Readonly<Record<string, unknown>>[];
}

/** Reads it as the last finished run left it; `rows` are all rows of the batch, including those of earlier runs. */
export async function readEvidence(store: ObjectStore, location: BatchLocation): Promise<BatchEvidence> {
  const report = await readDocument(store, at(location, reportKey(location)), Report);
  const { runSeq, shardCount } = await readDocument(store, at(location, batchFileKey(location)), BatchFile);
  const lines = async <T>(key: string, schema: z.ZodType<T>): Promise<readonly T[]> => {
    const documents: T[] = [];
    const stream = await store.read(at(location, key));
    for await (const document of readJsonLines(stream, schema, key)) documents.push(document);
    return documents;
  };
  const rows = new Map<string, ShardRow>();
  for (const { row } of await lines(carriedKey(location, runSeq), CarriedLine)) rows.set(row.rowId, row);
  for (let shard = 0; shard < shardCount; shard++) {
    for (const row of await lines(rowsKey(location, runSeq, shard), ShardRowLine)) rows.set(row.rowId, row);
  }
  const metadata = (await store.readText(at(location, metadataKey(location)))).split('\n').filter(Boolean);
  return {
    report,
    outcomes: await lines(outcomesKey(location, runSeq), OutcomeLine),
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
