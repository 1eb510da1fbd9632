import { rowsToRun } from '../../plan/plan-counts.js';
import type { PlanListener } from '../../plan/plan-submission.js';
import { canaryIndexes, canaryOf } from '../../domain/batch/canary.js';
import {
  DOCUMENTED_JOB_SECONDS,
  expectedSeconds,
  measuredJobSeconds,
} from '../../domain/time/expected-time.js';
import type { PromptRow } from '../../domain/rows/row.js';
import {
  prepareSubmission,
  prepareWithoutBucket,
  type PlannedSubmission,
  type PreparationListener,
} from '../../starter.js';
import { ownAccount, withBucket } from '../terminal/batch-access.js';
import type { BatchFiles } from '../../plan/batch-files.js';
import type { ReadSheet } from './checked-sheet.js';
import { canaryPlanText } from './flags/canary-flags.js';
import { EXIT, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { RejectedRecords, shownRejects, writeRejects } from './dry-run-rejects.js';
import {
  canaryRowsText,
  dryRunJson,
  dryRunText,
  type CanaryRow,
  type DryRun,
  type ExpectedTime,
} from './dry-run-text.js';
import { withFolderBucket } from '../terminal/engine.js';
import { inputReachText } from './input-reach.js';
import { submissionOf, type SubmissionOptions } from './submission.js';
import { rejectedByBatchText } from './submission-plan-text.js';

/**
 * Prints what a submission would do, and changes nothing. Without a bucket only the sheet is checked. Throws a
 * UsageError for everything that the submission would refuse.
 */
export async function dryRun(
  context: CommandContext,
  sheet: ReadSheet,
  options: SubmissionOptions,
): Promise<ExitCode> {
  return withFolderBucket(context, (found) => lookAhead(found, sheet, options));
}

async function lookAhead(
  { config, stdout, stderr }: CommandContext,
  sheet: ReadSheet,
  options: SubmissionOptions,
): Promise<ExitCode> {
  const { rejects: rejectsFile, spending, settings, json } = options;
  const { prices } = config;
  const shown = new ShownRows(options);
  const rejectedByBatch = sheet.rejected && new RejectedRecords(`${sheet.path}.rejected-by-batch`);
  const foundIn = (planned: PlannedSubmission): DryRun => ({
    ...planned,
    batchId: planned.location.batchId,
    location: config.bucket || options.to ? planned.location : undefined,
    prices,
    spending,
    time: expectedTime(rowsToRun(planned.plan), settings.concurrency, planned.files),
    rows: shown.rows,
    canary: shown.canary(rowsToRun(planned.plan)),
  });
  const listener: PreparationListener = {
    onRun: shown.onRun,
    hasEnough: shown.hasEnough,
    ...(rejectedByBatch && { onRejected: (record) => rejectedByBatch.add(record) }),
    onPlan: (planned) => {
      const found = foundIn(planned);
      const { plan } = planned;
      stderr.write(
        `${rejectedByBatchText(sheet.summary, plan)}${dryRunText(found)}${canaryPlanText(options.canary, rowsToRun(plan))}${canaryRowsText(found)}`,
      );
    },
    checkInputs: async (inputs) => {
      stderr.write(await inputReachText(config, inputs));
    },
  };
  const planned = config.bucket
    ? await withBucket(config, async (store, bucket) => {
        const account = ownAccount(config);
        const means = { store, bucket, account, prices, isToStart: false };
        return prepareSubmission(means, submissionOf(options, sheet, bucket), listener);
      })
    : await prepareWithoutBucket(prices, submissionOf(options, sheet, { bucket: '', prefix: '' }), listener);
  const rejected = planned.plan.runSeq === 1 ? sheet.rejected : rejectedByBatch;
  if (rejected && rejectsFile !== undefined) await writeRejects(rejectsFile, rejected, sheet.summary);
  if (json) {
    const rejects = rejected ? await shownRejects(rejected) : [];
    stdout.write(`${dryRunJson({ ...foundIn(planned), rejects })}\n`);
  }
  stderr.write('Dry run: nothing was uploaded, started or bought.\n');
  return EXIT.ok;
}

/** The rows that a dry run shows, collected during planning. */
class ShownRows {
  readonly rows: PromptRow[] = [];
  readonly #options: Pick<SubmissionOptions, 'show' | 'canary'>;
  /** All rows of the run if there are sample rows: their selection depends on the number of rows. */
  readonly #run: CanaryRow[] = [];

  constructor(options: Pick<SubmissionOptions, 'show' | 'canary'>) {
    this.#options = options;
  }

  readonly onRun: NonNullable<PlanListener['onRun']> = (row, isBought) => {
    const { show, canary } = this.#options;
    if (isBought && this.rows.length < show) this.rows.push(row);
    const { rowId, line, tableRow } = row;
    if (canary) this.#run.push({ rowId, line, ...(tableRow !== undefined && { tableRow }) });
  };

  readonly hasEnough = (): boolean => !this.#options.canary && this.rows.length >= this.#options.show;

  /** The sample rows; undefined for none. */
  canary(rowsToRun: number): readonly CanaryRow[] | undefined {
    const canary = canaryOf(this.#options.canary, rowsToRun);
    return canary && canaryIndexes(canary).flatMap((index) => this.#run.slice(index, index + 1));
  }
}

/** By the batch's newest run if that was long enough, otherwise by the service's documentation. */
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
