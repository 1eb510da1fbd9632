import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import slugify from '@sindresorhus/slugify';
import { addressOf, readBatchStatus, type BatchStatus } from '../batch/batch-status.js';
import { BATCH_ID_RULE, parseBatchId, type BatchId } from '../domain/ids.js';
import type { RejectedRecord } from '../domain/row.js';
import type { BucketConfig } from '../config.js';
import { UsageError } from '../errors.js';
import { RunRequest } from '../ledger/documents.js';
import type { SheetSettings, SheetSummary } from '../sheet/index.js';
import { checkSheet, planSubmission, type SheetFile, type SubmissionPlan } from '../batch/plan-submission.js';
import { startRun } from '../batch/start-run.js';
import { at, requestKey, type BatchLocation, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { batchWorkflowId, type RunSettings } from '../workflows/messages.js';
import type { BatchAccess } from './batch-access.js';
import type { CommandContext } from './command-context.js';
import { openProgress } from './progress.js';

/** What `submit` and `run` are asked to do. */
export interface SubmissionOptions {
  readonly sheet: string;
  readonly id?: BatchId;
  /** Another batch than the one that has the id already. */
  readonly new: boolean;
  readonly sheetSettings: SheetSettings;
  readonly settings: RunSettings;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

/** What became of a submission. */
export type Submitted =
  | { readonly kind: 'started'; readonly run: RunRef; readonly plan: SubmissionPlan }
  /** The batch is at work already. */
  | { readonly kind: 'running'; readonly location: BatchLocation; readonly sameSheet: boolean }
  /** Everything the sheet asks for is there. */
  | { readonly kind: 'nothing-to-do'; readonly location: BatchLocation; readonly plan: SubmissionPlan }
  | { readonly kind: 'declined' };

/** Checks the sheet, shows the plan, asks where that is called for, uploads and starts. Nothing is started before all of the sheet was read. */
export async function submitSheet(
  context: CommandContext,
  access: BatchAccess,
  sheet: CheckedSheet,
  options: SubmissionOptions,
): Promise<Submitted> {
  const location = placeOf(access.bucket, sheet, options);
  const status = await readBatchStatus(access, location);
  refuseOtherPlace(status, location);
  if (status && isOpen(status)) {
    const sameSheet = await isSheetOf(access.store, location, status.runSeq, sheet);
    return { kind: 'running', location, sameSheet };
  }
  const plan = await planSubmission(access.store, location, sheet, options.sheetSettings, sheet.summary);
  showPlan(context, location, plan);
  if (plan.new + plan.changed + plan.again + plan.removed === 0 && plan.summary.rows > 0) {
    return { kind: 'nothing-to-do', location, plan };
  }
  const needsWord = !access.isFree || plan.changed + plan.removed > 0;
  if (needsWord && !(await isAgreed(context, options, location, plan))) return { kind: 'declined' };
  const run = await startRun({
    client: access.client,
    store: access.store,
    taskQueue: access.taskQueue,
    location,
    runSeq: plan.runSeq,
    sheet,
    sheetSettings: options.sheetSettings,
    settings: options.settings,
  });
  return { kind: 'started', run, plan };
}

/** Whether a batch still works. */
export function isOpen(status: BatchStatus): boolean {
  return !['completed', 'cancelled', 'failed'].includes(status.state);
}

/** Where a submission's batch lives or would live. */
export function placeOf(
  bucket: Pick<BucketConfig, 'bucket' | 'prefix'>,
  sheet: SheetFile,
  options: SubmissionOptions,
): BatchLocation {
  return { bucket: bucket.bucket, prefix: bucket.prefix, batchId: batchIdOf(options, sheet) };
}

function batchIdOf({ id, new: another }: SubmissionOptions, sheet: SheetFile): BatchId {
  const stem = path.posix.basename(sheet.name).replace(/\.[^.]+$/, '');
  const base = id ?? parseBatchId(slugify(stem, { preserveCharacters: ['.', '_'] }).slice(0, 60));
  if (!base || (sheet.name === '-' && !id)) {
    const what = sheet.name === '-' ? 'A sheet from standard input' : `The name "${sheet.name}"`;
    throw new UsageError(`${what} gives the batch no id. Add --id NAME (${BATCH_ID_RULE}).`);
  }
  if (!another) return base;
  const stamp = new Date()
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
  // A batch id cut to 60 characters, a hyphen and a time are a batch id.
  return `${base.slice(0, 60)}-${stamp}` as BatchId;
}

/** Temporal knows batches by id alone: one id must not stand for batches in two places. */
function refuseOtherPlace(status: BatchStatus | undefined, location: BatchLocation): void {
  if (!status || status.location === addressOf(location) || !isOpen(status)) return;
  throw new UsageError(
    `Batch "${location.batchId}" is running already, at ${status.location}. Choose another --id for ${addressOf(location)}.`,
  );
}

/** A sheet that can be trusted, with what is in it. */
export interface CheckedSheet extends SheetFile {
  readonly summary: SheetSummary;
}

/**
 * Reads the whole sheet and tells what is in it. Throws SheetError or UsageError where nothing of it may start; no
 * server is needed.
 */
export async function checkedSheet(
  { stderr }: CommandContext,
  sheet: SheetFile,
  options: SubmissionOptions,
): Promise<CheckedSheet> {
  const progress = openProgress(stderr);
  try {
    const summary = await checkSheet(sheet, options.sheetSettings, (rows) =>
      progress.show(`Reading ${options.sheet}: ${rows} rows`),
    );
    progress.end({ clear: true });
    showSheet(stderr, options, summary);
    refuseUnusable(summary, options.sheetSettings.strict);
    return { ...sheet, summary };
  } finally {
    progress.end({ clear: true });
  }
}

function refuseUnusable({ rows, rejected }: SheetSummary, strict: boolean): void {
  if (rows === 0) {
    throw new UsageError(
      `Every row of the sheet is rejected (${rejected}), for the reasons above; nothing was started.`,
    );
  }
  if (strict && rejected > 0) {
    throw new UsageError(
      `${counted(rejected, 'row')} of the sheet ${rejected === 1 ? 'is' : 'are'} rejected, and with --strict nothing is started then.`,
    );
  }
}

/** Whether a run was asked to work on exactly this sheet. */
async function isSheetOf(
  store: ObjectStore,
  location: BatchLocation,
  runSeq: number,
  sheet: SheetFile,
): Promise<boolean> {
  const text = await store.readText(at(location, requestKey(location, runSeq)));
  return RunRequest.parse(JSON.parse(text)).sheetKey.includes(sheet.sha256);
}

const SHOWN_REJECTS = 5;

function showSheet(stderr: NodeJS.WriteStream, { sheet }: SubmissionOptions, summary: SheetSummary): void {
  const models = Object.entries(summary.byModel).filter(([, count]) => count > 0);
  const perModel = models.map(([model, count]) => `${count} ${model}`).join(', ');
  const repeats = summary.duplicates > 0 ? `, ${counted(summary.duplicates, 'identical row')} kept` : '';
  stderr.write(
    `Sheet      ${sheet}: ${counted(summary.rows, 'image')}${perModel && ` (${perModel})`}${repeats}\n`,
  );
  if (summary.rejected === 0) return;
  stderr.write(`Rejected   ${counted(summary.rejected, 'row')}:\n`);
  for (const rejected of summary.firstRejected.slice(0, SHOWN_REJECTS)) {
    stderr.write(`           ${rejectLine(rejected)}\n`);
  }
  const more = summary.rejected - Math.min(SHOWN_REJECTS, summary.firstRejected.length);
  if (more > 0) stderr.write(`           … and ${more} more; all are told in rejects.csv\n`);
}

/** Tells what a submission would do to a batch. */
export function showPlan({ stderr }: CommandContext, location: BatchLocation, plan: SubmissionPlan): void {
  stderr.write(`Batch      ${location.batchId} → ${addressOf(location)}\n`);
  if (plan.runSeq === 1) return;
  stderr.write(
    `Run ${String(plan.runSeq).padEnd(6)} ${plan.new} new, ${plan.changed} changed, ${plan.again} to try again, ${plan.unchanged} unchanged, ${plan.removed} removed\n`,
  );
}

function rejectLine({ line, column, value, rule }: RejectedRecord): string {
  return `line ${line}, ${column}${value === '' ? '' : ` "${value.slice(0, 60)}"`}: ${rule}`;
}

/** Money is spent after this: a person at a terminal is asked; a script must say --yes before rows change or go. */
async function isAgreed(
  { stdin, stderr }: CommandContext,
  options: SubmissionOptions,
  location: BatchLocation,
  plan: SubmissionPlan,
): Promise<boolean> {
  if (options.yes) return true;
  const toBuy = plan.new + plan.changed + plan.again;
  if (stdin.isTTY && options.sheet !== '-') {
    const prompt = createInterface({ input: stdin, output: stderr });
    try {
      const answer = await prompt.question(`Make ${counted(toBuy, 'image')}? [Y/n] `);
      return /^\s*(y|yes)?\s*$/i.test(answer);
    } finally {
      prompt.close();
    }
  }
  if (plan.changed + plan.removed > 0) {
    throw new UsageError(
      `Batch "${location.batchId}" exists, and this sheet changes ${plan.changed} and removes ${plan.removed} of its rows. Add --yes to run the difference, or --new for another batch.`,
    );
  }
  return true;
}

/** A number with its noun: `1 image`, `12 images`. */
function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** What `submit --json` prints; scripts rely on it. */
export function submissionJson(location: BatchLocation, plan: SubmissionPlan): string {
  return JSON.stringify({
    batchId: location.batchId,
    workflowId: batchWorkflowId(location.batchId),
    runSeq: plan.runSeq,
    rows: plan.summary.rows,
    rejected: plan.summary.rejected,
    new: plan.new,
    changed: plan.changed,
    unchanged: plan.unchanged,
    removed: plan.removed,
    again: plan.again,
    location: addressOf(location),
  });
}
