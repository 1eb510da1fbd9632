import path from 'node:path';
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { EMPTY_TALLY } from '../domain/batch/tally.js';
import { UsageError } from '../errors.js';
import type { RunRequest } from '../ledger/documents.js';
import type { SheetSettings } from '../sheet/index.js';
import {
  at,
  isSamePlace,
  requestKey,
  type BatchLocation,
  type RunRef,
  type BucketFolder,
} from '../storage/layout.js';
import { type ObjectStore, StorageError, type ObjectRef } from '../storage/object-store.js';
import {
  SNAPSHOT_MEMO,
  type BatchSnapshot,
  type RunBatchInput,
} from '../workflows/protocol/batch-messages.js';
import type { RunSettings } from '../domain/batch/run-settings.js';
import { batchWorkflowId } from '../workflows/protocol/names.js';
import type { runBatch } from '../workflows/run-batch.js';
import { confirmPlace } from './place/batch-place.js';
import { describeBatch, snapshotInMemo } from '../status/describe-batch.js';
import type { SheetFile } from '../sheet/fetch/sheet-file.js';
import type { StartedRun } from '../status/end-of-run.js';
import { sheetKeyOf } from './run-request.js';

/** The means to start a run. */
export interface RunStarter {
  readonly client: Client;
  readonly store: ObjectStore;
  readonly taskQueue: string;
}

export interface StartRunInput extends RunStarter {
  readonly location: BatchLocation;
  readonly runSeq: number;
  readonly sheet: SheetFile;
  readonly sheetSettings: SheetSettings;
  /** Number of the batch's images with this sheet. */
  readonly rows: number;
  readonly settings: RunSettings;
  /** Key of the list of the sheet's input images, which are already uploaded; undefined without any. */
  readonly inputListKey?: string | undefined;
  /** Rows that the sheet lacks stay in the batch. Default false. */
  readonly merge?: boolean;
  /** The account's key was rotated. Default false. */
  readonly rebind?: boolean;
  /** The service that will make the images; undefined if none is configured here. */
  readonly service: string | undefined;
  /** The run of a schedule that requests it; absent: a person does. */
  readonly firing?: NonNullable<RunRequest['firing']>;
}

/** Another submission runs the batch, or has just claimed it. */
export class StartedByAnotherError extends UsageError {
  constructor({ batchId }: BatchLocation) {
    super(
      `Batch "${batchId}" was started by another submission at the same moment. See it with: banana-batch status ${batchId}`,
    );
  }
}

/**
 * Uploads the sheet and starts the run. If two start the same run at once, one succeeds and the other gets a
 * StartedByAnotherError and leaves no run behind; nothing is ever started twice.
 */
export async function startRun(input: StartRunInput): Promise<StartedRun> {
  const { store, location, sheet, settings } = input;
  const sheetKey = await putSheet(store, location, sheet);
  const request: RunRequest = {
    action: 'submit',
    sheetKey,
    sheetName: path.basename(sheet.name),
    sheet: input.sheetSettings,
    ...(input.inputListKey !== undefined && { inputListKey: input.inputListKey }),
    rows: input.rows,
    kinds: [],
    redo: [],
    merge: input.merge ?? false,
    rebind: input.rebind ?? false,
    ...(input.service !== undefined && { service: input.service }),
    ...(input.firing && { firing: input.firing }),
    submittedAt: new Date().toISOString(),
  };
  return startRequest(input, { ...location, runSeq: input.runSeq }, { request, settings });
}

/** Starts a run whose sheet, if it reads one, is in the bucket; otherwise as `startRun`. */
export async function startRequest(
  starter: RunStarter,
  run: RunRef,
  planned: { readonly request: RunRequest; readonly settings: RunSettings },
): Promise<StartedRun> {
  const { store } = starter;
  const { settings } = planned;
  const request: RunRequest = { ...planned.request, settings, submittedAt: new Date().toISOString() };
  const ownRequest = at(run, requestKey(run, run.runSeq));
  const claimed = await putOnce(store, ownRequest, () =>
    store.put(ownRequest, Buffer.from(`${JSON.stringify(request)}\n`), {
      contentType: 'application/json',
      condition: { kind: 'absent' },
    }),
  );
  if (!claimed) throw new StartedByAnotherError(run);
  if (run.runSeq === 1) {
    try {
      await confirmPlace(store, run);
    } catch (error) {
      await store.delete(ownRequest);
      throw error;
    }
  }
  return startClaimed(starter, run, settings);
}

/** Starts the workflow of a run that is claimed by its request, unless it is already running; otherwise as `startRun`. */
export async function startClaimed(
  { client, store, taskQueue }: RunStarter,
  run: RunRef,
  settings: RunSettings,
): Promise<StartedRun> {
  try {
    const { firstExecutionRunId } = await client.workflow.start<typeof runBatch>('runBatch', {
      workflowId: batchWorkflowId(run.batchId),
      taskQueue,
      args: [{ run, settings } satisfies RunBatchInput],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      memo: { [SNAPSHOT_MEMO]: firstSnapshot(run, settings) },
    });
    return { run, workflowRunId: firstExecutionRunId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const description = await describeBatch(client, run);
  const noted = description && snapshotInMemo(description)?.run;
  if (noted && isSamePlace(noted, run) && noted.runSeq === run.runSeq) {
    return { run, workflowRunId: description.runId };
  }
  // The other run has an earlier number; a request without a workflow would look like a run that was ended.
  await store.delete(at(run, requestKey(run, run.runSeq)));
  throw new StartedByAnotherError(run);
}

/** The snapshot of a batch until a worker starts it. */
function firstSnapshot(run: RunRef, { concurrency }: RunSettings): BatchSnapshot {
  const now = new Date().toISOString();
  return {
    run,
    phase: 'submitted',
    paused: false,
    cancelling: false,
    holds: [],
    tally: EMPTY_TALLY,
    openShards: [],
    carriedStored: 0,
    concurrency,
    startedAt: now,
    asOf: now,
  };
}

/** Puts an object if its key is free; false if it was taken. */
export async function putOnce(
  store: ObjectStore,
  ref: ObjectRef,
  put: () => Promise<unknown>,
): Promise<boolean> {
  if (await store.head(ref)) return false;
  try {
    await put();
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'precondition-failed') return false;
    throw error;
  }
}

/** Puts a sheet's bytes into a folder unless they are there; returns their key. Throws StorageError. */
export async function putSheet(
  store: ObjectStore,
  folder: BucketFolder,
  sheet: SheetFile,
  signal?: AbortSignal,
): Promise<string> {
  const key = sheetKeyOf(folder, sheet);
  await putOnce(store, at(folder, key), () =>
    store.putFile(at(folder, key), sheet.path, {
      contentType: 'application/octet-stream',
      sha256: sheet.sha256,
      condition: { kind: 'absent' },
      ...(signal && { signal }),
    }),
  );
  return key;
}
