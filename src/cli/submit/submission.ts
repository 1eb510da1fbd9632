import path from 'node:path';
import slugify from '@sindresorhus/slugify';
import { serviceOf } from '../../bananahub/account-id.js';
import type { BatchFolder } from '../../plan/place/batch-place.js';
import { rowsToBuy, rowsToRun } from '../../plan/plan-counts.js';
import type { SubmissionPlan } from '../../plan/plan-submission.js';
import type { SheetFile } from '../../sheet/fetch/sheet-file.js';
import { budgetIn, type Spending } from '../../plan/spending.js';
import { canaryOf, type CanaryOptions } from '../../domain/batch/canary.js';
import { counted } from '../../domain/text/full-stop.js';
import { BATCH_ID_RULE, parseBatchId, type BatchId } from '../../domain/rows/ids.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';
import { UsageError } from '../../errors.js';
import type { SheetSettings } from '../../sheet/index.js';
import { homeOf, type BatchLocation, type HomeFolder } from '../../storage/layout.js';
import { startBatch, type PlannedSubmission, type StartedBatch, type Submission } from '../../starter.js';
import type { BatchAccess } from '../terminal/batch-access.js';
import { budgetText, planText, rejectedByBatchText } from './submission-plan-text.js';
import { canaryPlanText } from './flags/canary-flags.js';
import type { ReadSheet } from './checked-sheet.js';
import type { CommandContext } from '../terminal/command-context.js';
import { askConsent, type Consent } from '../terminal/consent.js';
import { inputReachText, uploadText } from './input-reach.js';
import { uploadProgress } from './upload-progress.js';

/** The options of `submit` and `run`. */
export interface SubmissionOptions {
  readonly sheet: string;
  readonly id?: BatchId;
  /** The place of the batch, if not its home. */
  readonly to?: BatchFolder;
  /** A separate batch, even if one with the id exists. */
  readonly new: boolean;
  readonly sheetSettings: SheetSettings;
  readonly settings: RunSettings;
  readonly spending: Spending;
  /** Sample rows to make first; undefined for none. */
  readonly canary: CanaryOptions | undefined;
  /** Rows of the batch that the sheet lacks stay. */
  readonly merge: boolean;
  /** Ids of a failures.csv or rejects.csv that are not rows of the batch become new rows. */
  readonly newIds: boolean;
  /** The account's key was rotated since the batch was run. */
  readonly rebind: boolean;
  readonly dryRun: boolean;
  /** Where a dry run writes the records that would be rejected; undefined: nowhere. */
  readonly rejects?: string;
  /** Number of rows that a dry run shows as they would be sent. */
  readonly show: number;
  readonly yes: boolean;
  readonly json: boolean;
}

/** The result of a submission. */
export type Submitted = Exclude<StartedBatch, { readonly kind: 'declined' }> | NotSubmitted;

interface NotSubmitted {
  readonly kind: 'declined' | 'interrupted';
}

/** Shows the plan, asks if needed, uploads and starts. Throws a UsageError for what must not start. */
export async function submitSheet(
  context: CommandContext,
  access: BatchAccess,
  sheet: ReadSheet,
  options: SubmissionOptions,
): Promise<Submitted> {
  const { stderr, config, interrupted: signal } = context;
  const { bucket } = access;
  const account = access.account();
  const progress = uploadProgress(stderr);
  const answer: { consent: Consent } = { consent: 'given' };
  try {
    const submitted = await startBatch(
      {
        ...access,
        account,
        service: account && serviceOf(account),
        prices: config.prices,
        status: access,
        openInputStore: sheet.openInputStore,
      },
      submissionOf(options, sheet, bucket),
      {
        signal,
        onPlan: (planned) => stderr.write(plannedText(context, access, sheet, { options, planned })),
        checkInputs: async (inputs) => {
          stderr.write(await inputReachText({ api: config.api, bucket }, inputs));
        },
        confirm: async ({ plan, location }) => {
          if (rowsToRun(plan) + plan.removed === 0)
            stderr.write("Nothing to buy: only the batch's files are written again.\n");
          answer.consent = await consentTo(context, access, options, location, plan);
          return answer.consent === 'given';
        },
        onUpload: progress.add,
      },
    );
    if (submitted.kind !== 'declined') return submitted;
    return { kind: answer.consent === 'interrupted' ? 'interrupted' : 'declined' };
  } catch (error) {
    if (signal.aborted && error === signal.reason) return { kind: 'interrupted' };
    throw error;
  } finally {
    progress.end();
  }
}

/** A submission from its options. Throws a UsageError if the sheet's name gives no batch id. */
export function submissionOf(options: SubmissionOptions, sheet: ReadSheet, folder: HomeFolder): Submission {
  const { to, settings, spending, canary, newIds, rebind } = options;
  const home = homeOf(folder, batchIdOf(options, sheet));
  return { sheet, home, to, settings, spending, canary, newIds, rebind, unattended: false };
}

function plannedText(
  { config: { prices } }: CommandContext,
  access: BatchAccess,
  { summary }: ReadSheet,
  {
    options: { spending, canary },
    planned: { location, plan, uploads },
  }: { readonly options: SubmissionOptions; readonly planned: PlannedSubmission },
): string {
  const isCounted = !access.isFree() || budgetIn(spending) !== undefined;
  return [
    rejectedByBatchText(summary, plan),
    planText(location, plan, isCounted ? prices : undefined),
    budgetText(spending, plan.buys, prices),
    canaryPlanText(canary, rowsToRun(plan)),
    uploadText(uploads),
  ].join('');
}

/** The id of a submission's batch. Throws a UsageError if its sheet's name gives none. */
function batchIdOf({ id, new: another }: SubmissionOptions, sheet: SheetFile): BatchId {
  const stem = path.posix.basename(sheet.name).replace(/(?:\.[^.]+)?\.gz$|\.[^.]+$/i, '');
  const base = id ?? parseBatchId(slugify(stem, { preserveCharacters: ['.', '_'] }).slice(0, 60));
  // A URL without a file name says nothing about the sheet's content.
  const isNameless = sheet.name === '-' || /^https?:\/\//i.test(sheet.name);
  if (!base || (isNameless && !id)) {
    const what = sheet.name === '-' ? 'A sheet from standard input' : `The name "${sheet.name}"`;
    throw new UsageError(`${what} does not give the batch an id. Add --id NAME (${BATCH_ID_RULE}).`);
  }
  if (!another) return base;
  const stamp = new Date()
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
  // A batch id truncated to 60 characters, a hyphen and a time are a batch id.
  return `${base.slice(0, 60)}-${stamp}` as BatchId;
}

/** Money may be spent after this: a person at a terminal is asked; a script needs --yes before rows are changed or removed. */
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
    `Batch "${location.batchId}" exists, and this sheet changes ${plan.changed} and removes ${plan.removed} of its rows. Add --yes to run the difference, or --new for a separate batch.`,
  );
}
