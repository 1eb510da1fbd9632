import path from 'node:path';
import slugify from '@sindresorhus/slugify';
import { choosePlace, claimPlace, type BatchFolder } from '../batch/batch-place.js';
import { withNoteRenewed } from '../batch/place-notes.js';
import { readBatchStatus } from '../batch/batch-status.js';
import { isOpen } from '../batch/status-document.js';
import { rowsToBuy, rowsToRun } from '../batch/plan-counts.js';
import {
  planRun,
  planSubmission,
  sheetToPlan,
  type SheetFile,
  type SubmissionPlan,
} from '../batch/plan-submission.js';
import { serviceOf } from '../bananahub/account-id.js';
import { hasSheet } from '../batch/run-request.js';
import { missingInputs } from '../batch/upload-inputs.js';
import { startRun } from '../batch/start-run.js';
import { canaryOf, type CanaryOptions } from '../domain/canary.js';
import { BATCH_ID_RULE, parseBatchId, type BatchId } from '../domain/ids.js';
import { UsageError } from '../errors.js';
import { RunRequest } from '../ledger/documents.js';
import { readDocument } from '../ledger/read-document.js';
import type { SheetSettings } from '../sheet/index.js';
import { at, homeOf, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { RunSettings } from '../domain/run-settings.js';
import type { BatchAccess } from './batch-access.js';
import { isSealedFor, readBatchFiles, type BatchFiles } from '../batch/batch-files.js';
import { budgetText } from './budget-text.js';
import { canaryPlanText, withCanary } from './canary-flags.js';
import type { CheckedSheet } from './checked-sheet.js';
import type { CommandContext } from './command-context.js';
import { askConsent, type Consent } from './consent.js';
import { budgetIn, refuseOtherBudget, spendingSettings, type Spending } from '../batch/spending.js';
import { inputReachText } from './input-reach.js';
import { uploadText } from './input-text.js';
import { counted } from '../domain/counted.js';
import { planText, rejectedByBatchText } from './submission-plan-text.js';
import {
  refuseIgnoredConditions,
  refuseNewIds,
  refuseNoRoomForNames,
  refuseOtherAccount,
  refuseOtherPlace,
  refuseRebindOfRunning,
  refuseTooLong,
  refuseUnreachable,
  refuseUnusable,
} from '../batch/submission-refusals.js';
import { uploadSheetInputs } from './upload-sheet-inputs.js';

/** What `submit` and `run` are asked to do. */
export interface SubmissionOptions {
  readonly sheet: string;
  readonly id?: BatchId;
  /** Where the batch is to live, if not at home. */
  readonly to?: BatchFolder;
  /** Another batch than the one that has the id already. */
  readonly new: boolean;
  readonly sheetSettings: SheetSettings;
  readonly settings: RunSettings;
  readonly spending: Spending;
  /** Rows that are to be made first, and looked at. */
  readonly canary: CanaryOptions | undefined;
  /** Rows of the batch that the sheet lacks stay. */
  readonly merge: boolean;
  /** Ids of a failures.csv or rejects.csv that are not rows of the batch are new rows. */
  readonly newIds: boolean;
  /** The account's key was rotated since the batch was run. */
  readonly rebind: boolean;
  readonly dryRun: boolean;
  /** Where a dry run writes the records that would be rejected; undefined: nowhere. */
  readonly rejects?: string;
  /** Rows that a dry run shows as they would be sent. */
  readonly show: number;
  readonly yes: boolean;
  readonly json: boolean;
}

/** What became of a submission. */
export type Submitted =
  | { readonly kind: 'started'; readonly run: RunRef; readonly plan: SubmissionPlan }
  /** The batch is running on this sheet already, by the plan told here. */
  | { readonly kind: 'running'; readonly location: BatchLocation; readonly plan: SubmissionPlan }
  /** The batch is running on another sheet, or on this one with other settings. */
  | { readonly kind: 'busy'; readonly location: BatchLocation }
  /** Everything the sheet asks for is there, and sealed. */
  | { readonly kind: 'nothing-to-do'; readonly location: BatchLocation; readonly plan: SubmissionPlan }
  | { readonly kind: 'declined' }
  | { readonly kind: 'interrupted' };

/** A batch whose images were compared is compared again, unless that is taken back. */
function keptSettings(settings: RunSettings, files: BatchFiles | undefined): RunSettings {
  const nearDuplicates = settings.nearDuplicates ?? files?.batch?.settings.nearDuplicates;
  return nearDuplicates === undefined ? settings : { ...settings, nearDuplicates };
}

/** Shows the plan, asks where that is called for, uploads and starts. Throws a UsageError for what must not start. */
export async function submitSheet(
  context: CommandContext,
  access: BatchAccess,
  sheet: CheckedSheet,
  given: SubmissionOptions,
): Promise<Submitted> {
  const { store } = access;
  const home = homeOf(access.bucket, batchIdOf(given, sheet));
  refuseUnreachable(access.bucket, given.to);
  const location = await choosePlace(store, home, given.to);
  refuseNoRoomForNames(location, sheet.summary);
  const status = await readBatchStatus(access, location);
  const files = await readBatchFiles(store, location);
  const options = { ...given, settings: keptSettings(given.settings, files) };
  if (status && isOpen(status)) {
    refuseOtherPlace(status, location);
    if (options.rebind) refuseRebindOfRunning(location);
    refuseOtherAccount(location, files, access.account(), options);
    return joinRun(access, { ...location, runSeq: status.runSeq }, sheet, options);
  }
  refuseOtherAccount(location, files, access.account(), options);
  const plan = await planSubmission(store, location, sheetToPlan(sheet, options));
  const { prices } = context.config;
  const { spending } = options;
  const isCounted = !access.isFree() || budgetIn(spending) !== undefined;
  const budget = budgetText(spending, plan.buys, prices);
  context.stderr.write(
    `${rejectedByBatchText(sheet.summary, plan)}${planText(location, plan, isCounted ? prices : undefined)}${budget}${canaryPlanText(options.canary, rowsToRun(plan))}`,
  );
  refuseUnusable(plan.summary, options.sheetSettings);
  refuseNewIds(plan, location, options);
  refuseTooLong(plan);
  const missing = await missingInputs(store, location, sheet.inputs);
  context.stderr.write(uploadText(missing));
  if (rowsToBuy(plan) > 0) {
    context.stderr.write(
      await inputReachText({ api: context.config.api, bucket: access.bucket }, plan.summary.inputs),
    );
  }
  const toDo = rowsToRun(plan) + plan.removed;
  if (toDo === 0 && isSealedFor(files, location, sheet, options)) {
    return { kind: 'nothing-to-do', location, plan };
  }
  const money = await spendingSettings(spending, {
    store,
    location,
    plan,
    mayMake: plan.mayMake,
    prices,
  });
  const { interrupted: signal } = context;
  await refuseIgnoredConditions(store, access.bucket, { location, signal });
  if (toDo === 0) context.stderr.write("Nothing to buy: only the batch's files are written again.\n");
  const consent = await consentTo(context, access, options, location, plan);
  if (consent === 'declined') return { kind: 'declined' };
  if (consent === 'interrupted' || context.interrupted.aborted) return { kind: 'interrupted' };
  await claimPlace(store, home, location);
  const uploaded = await withNoteRenewed(store, { home, location }, () =>
    uploadSheetInputs(context, store, location, sheet),
  );
  if (uploaded.kind === 'interrupted') return uploaded;
  const account = access.account();
  const { run } = await startRun({
    client: access.client,
    store,
    taskQueue: access.taskQueue,
    location,
    runSeq: plan.runSeq,
    sheet,
    sheetSettings: options.sheetSettings,
    rows: plan.summary.rows + plan.kept,
    settings: {
      ...withCanary(options.settings, canaryOf(options.canary, rowsToRun(plan)), prices),
      ...money,
    },
    inputListKey: uploaded.inputListKey,
    merge: plan.merge,
    rebind: options.rebind,
    service: account && serviceOf(account),
  });
  return { kind: 'started', run, plan };
}

/** What a submission finds whose batch is running. */
async function joinRun(
  { store }: BatchAccess,
  run: RunRef,
  sheet: CheckedSheet,
  options: SubmissionOptions,
): Promise<Submitted> {
  const request = await readDocument(store, at(run, requestKey(run, run.runSeq)), RunRequest);
  refuseOtherBudget(run, options.spending, request.settings);
  const asked = sheetToPlan(sheet, options);
  const isSame = request.action === 'submit' && hasSheet(request, run, sheet, options.sheetSettings);
  if (!isSame || (run.runSeq > 1 && request.merge !== asked.merge)) return { kind: 'busy', location: run };
  const plan = await planRun(store, run, asked);
  return { kind: 'running', location: run, plan };
}

/** The id of a submission's batch. Throws a UsageError where its sheet's name makes none. */
export function batchIdOf({ id, new: another }: SubmissionOptions, sheet: SheetFile): BatchId {
  const stem = path.posix.basename(sheet.name).replace(/(?:\.[^.]+)?\.gz$|\.[^.]+$/i, '');
  const base = id ?? parseBatchId(slugify(stem, { preserveCharacters: ['.', '_'] }).slice(0, 60));
  // An address that names no file says nothing of what the sheet is about.
  const isNameless = sheet.name === '-' || /^https?:\/\//i.test(sheet.name);
  if (!base || (isNameless && !id)) {
    const what = sheet.name === '-' ? 'A sheet from standard input' : `The name "${sheet.name}"`;
    throw new UsageError(`${what} cannot be used as the id of the batch. Add --id NAME (${BATCH_ID_RULE}).`);
  }
  if (!another) return base;
  const stamp = new Date()
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
  // A batch id cut to 60 characters, a hyphen and a time are a batch id.
  return `${base.slice(0, 60)}-${stamp}` as BatchId;
}

/** Money may be spent after this: a person at a terminal is asked; a script must say --yes before rows change or go. */
async function consentTo(
  context: CommandContext,
  access: BatchAccess,
  options: SubmissionOptions,
  location: BatchLocation,
  plan: SubmissionPlan,
): Promise<Consent> {
  const altered = plan.changed + plan.removed;
  const toBuy = rowsToBuy(plan);
  const isHarmless = altered === 0 && (access.isFree() || toBuy === 0);
  if (options.yes || isHarmless) return 'given';
  if (context.stdin.isTTY && options.sheet !== '-') {
    const first = canaryOf(options.canary, rowsToRun(plan));
    const question =
      toBuy > 0
        ? `Make ${first ? `${first.rows} of ${toBuy} images, and wait` : counted(toBuy, 'image')}?`
        : `Remove ${counted(plan.removed, 'row')} from the batch?`;
    return askConsent(context, question);
  }
  if (altered === 0) return 'given';
  throw new UsageError(
    `Batch "${location.batchId}" exists, and this sheet changes ${plan.changed} and removes ${plan.removed} of its rows. Add --yes to apply these changes, or --new to start a separate batch.`,
  );
}
