import type { AccountId } from '../bananahub/client.js';
import type { BucketConfig } from '../config.js';
import { canaryOf, type CanaryOptions } from '../domain/batch/canary.js';
import type { PriceTable } from '../domain/money/price-table.js';
import type { RunSettings } from '../domain/batch/run-settings.js';
import { RunRequest } from '../ledger/documents.js';
import { readDocument } from '../ledger/files/read-document.js';
import type { InputCounts } from '../sheet/index.js';
import { at, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { isSealedFor, readBatchFiles, type BatchFiles } from './batch-files.js';
import { choosePlace, type BatchFolder } from './place/batch-place.js';
import { readBatchStatus, type StatusAccess } from '../status/batch-status.js';
import type { CheckedSheet } from './rows/check-sheet.js';
import { rowsToBuy, rowsToRun } from './plan-counts.js';
import {
  firstPlan,
  planRun,
  planSubmission,
  type PlanListener,
  type SubmissionPlan,
} from './plan-submission.js';
import { hasSheet } from './run-request.js';
import type { SheetInput } from '../sheet/fetch/sheet-inputs.js';
import { refuseOtherBudget, spendingSettings, withCanary, type Spending } from './spending.js';
import type { StartRunInput } from './start-run.js';
import { isOpen } from '../status/status-document.js';
import {
  refuseIgnoredConditions,
  refuseNewIds,
  refuseNoRoomForNames,
  refuseOtherAccount,
  refuseOtherPlace,
  refuseRebindOfRunning,
  refuseShrunken,
  refuseTooLong,
  refuseUnreachable,
  refuseUnusable,
} from './submission-refusals.js';
import { missingInputs } from './upload-inputs.js';

/** A checked sheet to submit, with options. */
export interface Submission {
  readonly sheet: CheckedSheet;
  /** Where the batch is unless it was given another place. */
  readonly home: BatchLocation;
  /** The requested place; undefined: where the batch is, or its home. */
  readonly to?: BatchFolder | undefined;
  readonly settings: RunSettings;
  readonly spending: Spending;
  readonly canary?: CanaryOptions | undefined;
  /** Ids of a failures.csv or rejects.csv that are not rows of the batch become new rows. */
  readonly newIds: boolean;
  /** The account's key was rotated since the batch was run. */
  readonly rebind: boolean;
  /** No person sees the plan before it is executed: probable accidents are refused. */
  readonly unattended: boolean;
}

/** Dependencies of the preparation. */
export interface PreparationMeans {
  readonly store: ObjectStore;
  /** The account that will buy the images; undefined if unknown here. */
  readonly account: AccountId | undefined;
  readonly prices: PriceTable | undefined;
  /** The configured bucket; undefined on workers, which have checked theirs. */
  readonly bucket?: BucketConfig;
  /** The batch will be started if nothing is wrong: the bucket is checked, which writes to it. */
  readonly isToStart: boolean;
  /** How to find out whether the batch is running; undefined if it is known not to be, or does not matter. */
  readonly status?: StatusAccess;
}

/** Callbacks of a preparation. */
export interface PreparationListener extends PlanListener {
  /** Called with the plan before any refusal. */
  readonly onPlan?: (planned: PlannedSubmission) => void;
  /** Throws a UsageError if the service cannot fetch the input images of rows to buy. */
  readonly checkInputs?: (inputs: InputCounts) => Promise<void>;
}

/** The plan of a submission. */
export interface PlannedSubmission {
  readonly location: BatchLocation;
  readonly plan: SubmissionPlan;
  /** What the batch's earlier runs have left; undefined for its first run. */
  readonly files: BatchFiles | undefined;
  /** Input images that the batch does not have yet. */
  readonly uploads: readonly SheetInput[];
}

/** The result of preparing a submission for a batch that is not running. */
export type PreparedRun =
  | (PlannedSubmission & {
      readonly kind: 'ready';
      /** The input of `startRun`, including money and canary. */
      readonly start: Pick<
        StartRunInput,
        'location' | 'runSeq' | 'sheet' | 'sheetSettings' | 'rows' | 'settings' | 'merge' | 'rebind'
      >;
    })
  /** The batch has everything in the sheet, and its final report. */
  | (PlannedSubmission & { readonly kind: 'nothing-to-do' });

/** The result of preparing a submission for a running batch. */
export type JoinedRun =
  /** The batch is already running on this sheet, with this plan. */
  | { readonly kind: 'running'; readonly location: BatchLocation; readonly plan: SubmissionPlan }
  /** The batch is running on another sheet, or on this one with other settings. */
  | { readonly kind: 'busy'; readonly location: BatchLocation };

/**
 * The refusals, the plan and the money of a submission, for all callers: writes and starts nothing. Reads the sheet
 * once, besides its check. Throws a UsageError for what must not start, always in this order: the sheet, the place,
 * the account, the plan, the money, the bucket. Throws StorageError, and what Temporal's client throws.
 */
export async function prepareSubmission(
  means: PreparationMeans & { readonly status?: never },
  submission: Submission,
  listener?: PreparationListener,
): Promise<PreparedRun>;
export async function prepareSubmission(
  means: PreparationMeans,
  submission: Submission,
  listener?: PreparationListener,
): Promise<PreparedRun | JoinedRun>;
export async function prepareSubmission(
  means: PreparationMeans,
  submission: Submission,
  listener: PreparationListener = {},
): Promise<PreparedRun | JoinedRun> {
  const { store, prices } = means;
  const { sheet, home, to, canary, spending, rebind } = submission;
  const { sheetSettings } = sheet;
  refuseUnusable(sheet.summary, sheetSettings);
  if (means.bucket) refuseUnreachable(means.bucket, to);
  const location = await choosePlace(store, home, to);
  refuseNoRoomForNames(location, sheet.summary);
  const status = means.status && (await readBatchStatus(means.status, location));
  const running = status && isOpen(status) ? status : undefined;
  if (running) refuseOtherPlace(running, location);
  if (running && rebind) refuseRebindOfRunning(location);
  const files = await readBatchFiles(store, location);
  refuseOtherAccount(location, files, means.account, { rebind });
  if (running) return joinRun(store, { ...location, runSeq: running.runSeq }, submission);

  const plan = await planSubmission(store, location, sheet, listener);
  const uploads = sheet.inputs ? await missingInputs(store, location, sheet.inputs) : [];
  const planned = { location, plan, files, uploads };
  listener.onPlan?.(planned);
  refusePlan(planned, submission);
  if (rowsToBuy(plan) > 0) await listener.checkInputs?.(plan.summary.inputs);
  const settings = keptSettings(submission.settings, files);
  if (
    rowsToRun(plan) + plan.removed === 0 &&
    isSealedFor(files, location, sheet, { sheetSettings, settings })
  )
    return { kind: 'nothing-to-do', ...planned };

  const money = await spendingSettings(spending, { plan, prices, batch: { store, location } });
  if (means.bucket && means.isToStart)
    await refuseIgnoredConditions(store, means.bucket, {
      location,
      ...(sheet.signal && { signal: sheet.signal }),
    });
  const firstRows = canaryOf(canary, rowsToRun(plan));
  return {
    kind: 'ready',
    ...planned,
    start: {
      location,
      runSeq: plan.runSeq,
      sheet,
      sheetSettings,
      rows: plan.summary.rows + plan.kept,
      settings: { ...withCanary(settings, firstRows, prices), ...money },
      merge: plan.merge,
      rebind,
    },
  };
}

/** The same without a bucket to compare with: the plan of a new batch. Throws a UsageError as `prepareSubmission` does. */
export async function prepareWithoutBucket(
  prices: PriceTable | undefined,
  submission: Submission,
  listener: PreparationListener = {},
): Promise<PlannedSubmission> {
  const { sheet, home, to, spending } = submission;
  refuseUnusable(sheet.summary, sheet.sheetSettings);
  const plan = await firstPlan(sheet, listener);
  const location = to ? { ...to, batchId: home.batchId } : home;
  const planned = { location, plan, files: undefined, uploads: sheet.inputs?.images ?? [] };
  listener.onPlan?.(planned);
  refusePlan(planned, submission);
  if (rowsToBuy(plan) > 0) await listener.checkInputs?.(plan.summary.inputs);
  await spendingSettings(spending, { plan, prices, batch: undefined });
  return planned;
}

function refusePlan({ plan, location }: PlannedSubmission, { sheet, newIds, unattended }: Submission): void {
  refuseUnusable(plan.summary, sheet.sheetSettings);
  refuseNewIds(plan, location, { newIds });
  refuseTooLong(plan);
  if (unattended) refuseShrunken(plan, location);
}

/** The search for similar images stays on for a batch, unless the submission says otherwise. */
function keptSettings(settings: RunSettings, files: BatchFiles | undefined): RunSettings {
  const nearDuplicates = settings.nearDuplicates ?? files?.batch?.settings.nearDuplicates;
  return nearDuplicates === undefined ? settings : { ...settings, nearDuplicates };
}

/** The result of preparing a submission for a running batch. */
async function joinRun(store: ObjectStore, run: RunRef, { sheet, spending }: Submission): Promise<JoinedRun> {
  const request = await readDocument(store, at(run, requestKey(run, run.runSeq)), RunRequest);
  await refuseOtherBudget(store, run, spending, request.settings);
  const isSame = request.action === 'submit' && hasSheet(request, run, sheet, sheet.sheetSettings);
  if (!isSame || (run.runSeq > 1 && request.merge !== sheet.merge)) return { kind: 'busy', location: run };
  return { kind: 'running', location: run, plan: await planRun(store, run, sheet) };
}
