import { createHash } from 'node:crypto';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { parseBatchId } from '../../../src/domain/rows/ids.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { at, inputKey, requestKey, type RunRef } from '../../../src/storage/layout.js';
import type { RunSettings } from '../../../src/domain/batch/run-settings.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import type { runBatch } from '../../../src/workflows/run-batch.js';
import type { TestStack } from '../stack/test-stack.js';

const SETTINGS: RunSettings = {
  concurrency: 10,
  maxGenerations: 4,
  graceMs: 3_000,
  idempotencyHorizonMs: 86_400_000,
  probeFirstMs: 200,
  probeLongestMs: 400,
  // Long enough for a process that waits for a busy machine.
  heartbeatTimeoutMs: 10_000,
};

export type BatchHandle = WorkflowHandleWithFirstExecutionRunId<typeof runBatch>;

/** The first run of a batch of that name in the stack's bucket. */
export function firstRun(stack: TestStack, batchName: string): RunRef {
  const batchId = parseBatchId(batchName);
  if (!batchId) throw new Error(`${batchName} is no batch id.`);
  return { bucket: stack.s3.bucket, root: `${batchId}/`, batchId, runSeq: 1 };
}

/** Starts the first run of a batch over prompts without the commands; returns its workflow's handle. */
export async function startBatch(
  stack: TestStack,
  batch: {
    readonly name: string;
    readonly taskQueue: string;
    /** One per row, or the whole sheet's records after a `header`. */
    readonly prompts: readonly string[];
    /** Default: `prompt`. */
    readonly header?: string;
    readonly settings?: Partial<RunSettings>;
    /** Base URL of the API that the workers have. */
    readonly apiUrl: string;
  },
): Promise<BatchHandle> {
  const run = firstRun(stack, batch.name);
  const sheet = Buffer.from(`${batch.header ?? 'prompt'}\n${batch.prompts.join('\n')}\n`);
  const sheetKey = inputKey(run, createHash('sha256').update(sheet).digest('hex'), 'csv');
  const request = {
    sheetKey,
    sheetName: 'sheet.csv',
    sheet: SheetSettings.parse({}),
    rows: batch.prompts.length,
    service: new URL(batch.apiUrl).origin,
    submittedAt: new Date().toISOString(),
  };
  const { store } = stack.s3;
  await store.put(at(run, sheetKey), sheet, { contentType: 'text/csv' });
  await store.put(at(run, requestKey(run, 1)), Buffer.from(JSON.stringify(request)), {
    contentType: 'application/json',
  });
  return stack.temporal.client.workflow.start<typeof runBatch>('runBatch', {
    workflowId: batchWorkflowId(run.batchId),
    taskQueue: batch.taskQueue,
    args: [{ run, settings: { ...SETTINGS, ...batch.settings } }],
  });
}
