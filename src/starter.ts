import { createHash } from 'node:crypto';
import { createReadStream, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { planRow, type RowPlan } from './domain/row-plan.js';
import { EMPTY_TALLY } from './domain/tally.js';
import { MAX_BATCH_ROWS } from './domain/window.js';
import { UsageError } from './errors.js';
import type { RunRequest } from './ledger/documents.js';
import { outcomesBefore } from './ledger/previous-runs.js';
import { readSheet, SheetTally, type SheetSettings, type SheetSummary } from './sheet/index.js';
import { at, inputKey, requestKey, runsPrefix, type BatchLocation, type RunRef } from './storage/layout.js';
import { StorageError, type ObjectStore } from './storage/object-store.js';
import {
  batchWorkflowId,
  SNAPSHOT_MEMO,
  type BatchSnapshot,
  type RunBatchInput,
  type RunSettings,
} from './workflows/messages.js';
import type { runBatch } from './workflows/run-batch.js';

/** A sheet on the local disk, whole, as it was given. */
export interface SheetFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** What it was given as: tells the format by its extension. */
  readonly name: string;
}

/** What a submission would do, before anything is done. */
export interface SubmissionPlan {
  readonly runSeq: number;
  readonly summary: SheetSummary;
  readonly new: number;
  readonly changed: number;
  /** Rows that ended without an image and would be tried again. */
  readonly again: number;
  readonly unchanged: number;
  /** Rows of the last run that the sheet no longer has. */
  readonly removed: number;
}

/**
 * Reads the whole sheet; `onRow` hears of every thousandth row. Throws SheetError where it cannot be trusted, and a
 * UsageError where it is too long for one batch.
 */
export async function checkSheet(
  sheet: SheetFile,
  settings: SheetSettings,
  onRow: (rows: number) => void = () => undefined,
): Promise<SheetSummary> {
  const tally = new SheetTally();
  let rows = 0;
  for await (const item of readSheet(createReadStream(sheet.path), settings, { name: sheet.name })) {
    tally.add(item);
    if (item.kind === 'row' && ++rows % 1000 === 0) onRow(rows);
  }
  if (rows > MAX_BATCH_ROWS) {
    throw new UsageError(
      `${sheet.name} makes ${rows} images; a batch takes ${MAX_BATCH_ROWS}. Split the sheet and give each part its own --id.`,
    );
  }
  return tally.summary();
}

/** Compares a checked sheet with what the batch's earlier runs left. Throws StorageError; changes nothing. */
export async function planSubmission(
  store: ObjectStore,
  location: BatchLocation,
  sheet: SheetFile,
  settings: SheetSettings,
  summary: SheetSummary,
): Promise<SubmissionPlan> {
  const runSeq = (await lastRunSeq(store, location)) + 1;
  if (runSeq === 1) {
    return { runSeq, summary, new: summary.rows, changed: 0, again: 0, unchanged: 0, removed: 0 };
  }
  const before = await outcomesBefore(store, { ...location, runSeq });
  const counts = { new: 0, changed: 0, again: 0, unchanged: 0 };
  let kept = 0;
  for await (const item of readSheet(createReadStream(sheet.path), settings, { name: sheet.name })) {
    if (item.kind !== 'row') continue;
    const previous = before.get(item.row.rowId);
    if (previous) kept += 1;
    counts[changeOf(planRow(item.row, previous))] += 1;
  }
  return { runSeq, summary, ...counts, removed: before.size - kept };
}

function changeOf(plan: RowPlan): 'new' | 'changed' | 'again' | 'unchanged' {
  return plan.kind === 'carry' ? 'unchanged' : plan.change;
}

/** The number of the batch's newest run; 0 where it has none. */
export async function lastRunSeq(store: ObjectStore, location: BatchLocation): Promise<number> {
  let last = 0;
  for await (const folder of store.listFolders(location.bucket, runsPrefix(location))) {
    const number = Number(path.posix.basename(folder));
    if (Number.isSafeInteger(number)) last = Math.max(last, number);
  }
  return last;
}

export interface StartRunInput {
  readonly client: Client;
  readonly store: ObjectStore;
  readonly taskQueue: string;
  readonly location: BatchLocation;
  readonly runSeq: number;
  readonly sheet: SheetFile;
  readonly sheetSettings: SheetSettings;
  readonly settings: RunSettings;
}

/**
 * Uploads the sheet and starts the run. Of two who start the same run at once, one does and the other gets a
 * UsageError; nothing is ever started twice.
 */
export async function startRun(input: StartRunInput): Promise<RunRef> {
  const { client, store, location, sheet, settings, taskQueue } = input;
  const run: RunRef = { ...location, runSeq: input.runSeq };
  const extension = path.extname(sheet.name).slice(1).toLowerCase() || 'csv';
  const sheetKey = inputKey(location, sheet.sha256, /^[a-z0-9]{1,8}$/.test(extension) ? extension : 'csv');
  await putOnce(store, location, sheetKey, () =>
    store.putFile(at(location, sheetKey), sheet.path, {
      contentType: 'application/octet-stream',
      sha256: sheet.sha256,
      condition: { kind: 'absent' },
    }),
  );
  const request: RunRequest = {
    sheetKey,
    sheetName: path.basename(sheet.name),
    sheet: input.sheetSettings,
    submittedAt: new Date().toISOString(),
  };
  const claimed = await putOnce(store, location, requestKey(location, run.runSeq), () =>
    store.put(at(location, requestKey(location, run.runSeq)), Buffer.from(`${JSON.stringify(request)}\n`), {
      contentType: 'application/json',
      condition: { kind: 'absent' },
    }),
  );
  if (!claimed) throw startedByAnother(location);
  try {
    await client.workflow.start<typeof runBatch>('runBatch', {
      workflowId: batchWorkflowId(location.batchId),
      taskQueue,
      args: [{ run, settings } satisfies RunBatchInput],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      memo: { [SNAPSHOT_MEMO]: firstSnapshot(run, settings) },
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw startedByAnother(location);
    throw error;
  }
  return run;
}

/** What a batch says of itself until a worker has taken it up. */
function firstSnapshot(run: RunRef, { concurrency }: RunSettings): BatchSnapshot {
  const now = new Date().toISOString();
  return {
    run,
    phase: 'preparing',
    paused: false,
    cancelling: false,
    holds: [],
    tally: EMPTY_TALLY,
    openShards: [],
    concurrency,
    startedAt: now,
    asOf: now,
  };
}

/** Whether the put took effect; false where the object was there already. */
async function putOnce(
  store: ObjectStore,
  location: BatchLocation,
  key: string,
  put: () => Promise<unknown>,
): Promise<boolean> {
  if (await store.head(at(location, key))) return false;
  try {
    await put();
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return false;
    throw error;
  }
}

function startedByAnother({ batchId }: BatchLocation): UsageError {
  return new UsageError(
    `Batch "${batchId}" was started by another submission at the same moment. See it with: banana-batch status ${batchId}`,
  );
}

/** A batch's workflow as Temporal describes it; undefined where Temporal knows none, or no longer. */
export async function describeBatch(
  client: Client,
  location: BatchLocation,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(batchWorkflowId(location.batchId)).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** The snapshot that a batch left in its memo; undefined where it has not written one yet. */
export function snapshotInMemo(description: WorkflowExecutionDescription): BatchSnapshot | undefined {
  return description.memo?.[SNAPSHOT_MEMO] as BatchSnapshot | undefined;
}

/** The sha256 and size of a local file. */
export async function hashFile(
  filePath: string,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(filePath)) {
    hash.update(chunk as Buffer);
    sizeBytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** `npx tsx src/starter.ts SHEET` is `banana-batch submit SHEET`. */
async function runAlone(): Promise<void> {
  const { main } = await import('./cli.js');
  process.exitCode = await main(['submit', ...process.argv.slice(2)]);
}

const invoked = process.argv[1];
// Not awaited: the commands import this module, which must have been evaluated by then.
if (invoked && realpathSync(invoked) === fileURLToPath(import.meta.url)) void runAlone();
