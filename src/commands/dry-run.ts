import { choosePlace } from '../batch/batch-place.js';
import { rowsToRun } from '../batch/plan-counts.js';
import {
  firstPlan,
  firstRows,
  planSubmission,
  rejectedOfRun,
  rowsOfRun,
  rowsOfSheet,
  sheetToPlan,
  type SubmissionPlan,
} from '../batch/plan-submission.js';
import { canaryIndexes, canaryOf, type Canary } from '../domain/canary.js';
import type { SheetInput } from '../batch/sheet-inputs.js';
import { missingInputs } from '../batch/upload-inputs.js';
import { DOCUMENTED_JOB_SECONDS, expectedSeconds, measuredJobSeconds } from '../domain/expected-time.js';
import type { PromptRow, RejectedRecord } from '../domain/row.js';
import { shownRejects, writeRejects, type ShownReject } from './dry-run-rejects.js';
import { homeOf } from '../storage/layout.js';
import { ownAccount, withBucket } from './batch-access.js';
import { readBatchFiles, type BatchFiles } from '../batch/batch-files.js';
import type { CheckedSheet } from './checked-sheet.js';
import { canaryPlanText } from './canary-flags.js';
import { EXIT, type CommandContext, type ExitCode } from './command-context.js';
import { canaryRowsText, dryRunJson, dryRunText, type DryRun, type ExpectedTime } from './dry-run-text.js';
import { withFolderBucket } from './engine.js';
import { budgetIn, refuseUnpriced, tooManyImages } from '../batch/spending.js';
import { inputReachText } from './input-reach.js';
import { batchIdOf, type SubmissionOptions } from './submission.js';
import { rejectedByBatchText } from './submission-plan-text.js';
import {
  refuseNewIds,
  refuseNoRoomForNames,
  refuseOtherAccount,
  refuseTooLong,
  refuseUnreachable,
  refuseUnusable,
} from '../batch/submission-refusals.js';

/**
 * Tells what a submission would do, and does nothing. Without a bucket the sheet alone is looked at. Throws a
 * UsageError for what would be refused.
 */
export async function dryRun(
  context: CommandContext,
  sheet: CheckedSheet,
  options: SubmissionOptions,
): Promise<ExitCode> {
  const { stdout, stderr } = context;
  const found = await withFolderBucket(context, (looking) => lookAhead(looking, sheet, options));
  const { spending } = options;
  if (budgetIn(spending) !== undefined) refuseUnpriced(found.plan.mayMake, found.prices);
  const tooMany = tooManyImages(spending, found.plan);
  if (tooMany) stderr.write(`Too many   ${tooMany} Without --dry-run nothing would start.\n`);
  stderr.write(
    `${rejectedByBatchText(sheet.summary, found.plan)}${dryRunText(found)}${canaryPlanText(options.canary, rowsToRun(found.plan))}${canaryRowsText(found)}`,
  );
  if (rowsToRun(found.plan) > 0)
    stderr.write(await inputReachText(context.config, found.plan.summary.inputs));
  refuseUnusable(found.plan.summary, options.sheetSettings);
  refuseNewIds(found.plan, found, options);
  refuseTooLong(found.plan);
  if (options.json) stdout.write(`${dryRunJson(found)}\n`);
  stderr.write('Dry run: nothing was uploaded, started or bought.\n');
  return EXIT.ok;
}

async function lookAhead(
  { config }: CommandContext,
  sheet: CheckedSheet,
  options: SubmissionOptions,
): Promise<DryRun> {
  const { concurrency } = options.settings;
  const asked = sheetToPlan(sheet, options);
  const ahead = (
    plan: SubmissionPlan,
    rows: readonly PromptRow[],
    uploads: readonly SheetInput[],
    files?: BatchFiles,
  ) => ({
    plan,
    uploads,
    rows,
    prices: config.prices,
    spending: options.spending,
    time: expectedTime(rowsToRun(plan), concurrency, files),
  });
  if (!config.bucket) {
    const batchId = batchIdOf(options, sheet);
    const rows = await firstRows(asked, options.show);
    const location = options.to && { ...options.to, batchId };
    const plan = await firstPlan(asked);
    const canary = await canariesOf(rowsOfSheet(asked), canaryOf(options.canary, rowsToRun(plan)));
    const rejects = await listRejects(options, sheet, () => rejectedOfRun(asked, undefined));
    return { batchId, location, ...ahead(plan, rows, sheet.inputs.images), canary, rejects };
  }
  return withBucket(config, async (store, bucket) => {
    refuseUnreachable(bucket, options.to);
    const location = await choosePlace(store, homeOf(bucket, batchIdOf(options, sheet)), options.to);
    refuseNoRoomForNames(location, sheet.summary);
    const files = await readBatchFiles(store, location);
    refuseOtherAccount(location, files, ownAccount(config), options);
    const bought: PromptRow[] = [];
    const plan = await planSubmission(store, location, asked, (row) => {
      if (bought.length < options.show) bought.push(row);
    });
    const rows = plan.runSeq === 1 ? await firstRows(asked, options.show) : bought;
    const rowsRun =
      plan.runSeq === 1 ? rowsOfSheet(asked) : rowsOfRun(store, { ...location, runSeq: plan.runSeq }, asked);
    const run = { ...location, runSeq: plan.runSeq };
    const canary = await canariesOf(rowsRun, canaryOf(options.canary, rowsToRun(plan)));
    return {
      batchId: location.batchId,
      location,
      ...ahead(plan, rows, await missingInputs(store, location, sheet.inputs), files),
      canary,
      rejects: await listRejects(options, sheet, () => rejectedOfRun(asked, { store, run })),
    };
  });
}

/** Writes what would be rejected where that is wanted; all of it for a document. */
async function listRejects(
  { json, rejects }: SubmissionOptions,
  { summary }: CheckedSheet,
  records: () => AsyncIterable<RejectedRecord>,
): Promise<readonly ShownReject[]> {
  if (rejects !== undefined) await writeRejects(rejects, records, summary);
  return json ? shownRejects(records()) : [];
}

/** The rows that would be the canary; undefined for none. */
async function canariesOf(
  rows: AsyncGenerator<PromptRow>,
  canary: Canary | undefined,
): Promise<readonly PromptRow[] | undefined> {
  if (!canary) return undefined;
  const indexes = new Set(canaryIndexes(canary));
  const canaries: PromptRow[] = [];
  let index = 0;
  for await (const row of rows) if (indexes.has(index++)) canaries.push(row);
  return canaries;
}

/** By the batch's newest run where that was long enough to tell, else by what the service documents. */
function expectedTime(rows: number, concurrency: number, files: BatchFiles | undefined): ExpectedTime {
  const { batch, report } = files ?? {};
  const measured =
    batch && report?.state === 'completed' && report.runSeq === batch.runSeq
      ? measuredJobSeconds({
          rows: batch.rows,
          concurrency: batch.settings.concurrency,
          seconds: (Date.parse(report.endedAt) - Date.parse(report.startedAt)) / 1000,
        })
      : undefined;
  const jobSeconds = measured ?? DOCUMENTED_JOB_SECONDS;
  return {
    seconds: expectedSeconds(rows, concurrency, jobSeconds),
    jobSeconds,
    concurrency,
    measuredByRun: measured && batch ? batch.runSeq : undefined,
  };
}
