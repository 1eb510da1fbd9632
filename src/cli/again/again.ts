import { existsSync } from 'node:fs';
import path from 'node:path';
import { readBatchFiles } from '../../plan/batch-files.js';
import { rowsToBuy, rowsToRun } from '../../plan/plan-counts.js';
import { budgetIn, refuseOtherBudget, spendingSettings, withCanary } from '../../plan/spending.js';
import { lastRunSeq, beforeRun } from '../../ledger/previous-runs.js';
import { isOpen, type BatchStatus } from '../../status/status-document.js';
import { serviceOf } from '../../bananahub/account-id.js';
import type { AccountId } from '../../bananahub/client.js';
import { refuseOtherAccount } from '../../plan/submission-refusals.js';
import { stackFolder } from '../../local/servers/stack-info.js';
import { canaryOf, type CanaryOptions } from '../../domain/batch/canary.js';
import { counted } from '../../domain/text/full-stop.js';
import { UsageError } from '../../errors.js';
import { RunRequest } from '../../ledger/documents.js';
import { readDocument } from '../../ledger/files/read-document.js';
import { at, requestKey, type BatchLocation } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import {
  findBatch,
  planAgain,
  readBatchStatus,
  startRequest,
  type AgainPlan,
  type RerunRequest,
} from '../../starter.js';
import { againJson, againText, nothingToDoText } from './again-text.js';
import {
  ownAccount,
  withBatchAccess,
  withBucket,
  type BatchAccess,
  unknownBatch,
} from '../terminal/batch-access.js';
import { budgetText, costText } from '../submit/submission-plan-text.js';
import { canaryPlanText } from '../submit/flags/canary-flags.js';
import { EXIT, type CommandContext, type ExitCode } from '../terminal/command-context.js';
import { askConsent, type Consent } from '../terminal/consent.js';
import { endWhereWanted, withBudgetLeft } from '../control/end-stuck-batch.js';
import { describeEngine, withEngine, withFolderBucket, type Engine } from '../terminal/engine.js';
import { openProgress } from '../terminal/progress.js';
import { findRowIds } from '../batch/find-row.js';
import { runSettings, spendingIn, type RunningFlags } from '../submit/flags/running-flags.js';
import { watchToEnd } from '../watch/watch-to-end.js';
import { reportKept } from './kept-images.js';

/** The options of `retry` and `redo`, besides the selection of rows. */
export interface AgainOptions {
  readonly id: string;
  readonly running: RunningFlags;
  /** Rows to make and review first. */
  readonly canary: CanaryOptions | undefined;
  /** The account's key was rotated since the batch was run. */
  readonly rebind: boolean;
  /** Ends a running batch, and continues with what is left of its budget. */
  readonly force: boolean;
  readonly watch: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

/**
 * Starts the next run of a batch over its existing rows: from the ledger alone, whatever Temporal still has. If no
 * Temporal is configured, starts what is missing and watches to the end, as `run` does.
 */
export async function runAgain(
  context: CommandContext,
  options: AgainOptions,
  rerun: RerunRequest,
): Promise<ExitCode> {
  const { config, cwd, stderr } = context;
  if (options.dryRun) return withFolderBucket(context, (found) => dryRunAgain(found, options, rerun));
  if (config.temporal) {
    return withBatchAccess(config, (access) => startAgain({ context, access, options, rerun }));
  }
  if (!config.bucket && !existsSync(path.join(stackFolder(cwd), 's3'))) {
    throw new UsageError(
      `There is no batch "${options.id}" in this folder. Go to the folder where it was run, or set BANANA_BUCKET and TEMPORAL_ADDRESS to its bucket and Temporal server.`,
    );
  }
  return withEngine(context, (engine) =>
    withBatchAccess(engine.config, (access) => {
      stderr.write(describeEngine(engine, cwd));
      return startAgain({ context, access, engine, options, rerun });
    }),
  );
}

interface Starting {
  readonly context: CommandContext;
  readonly access: BatchAccess;
  /** Set if this command runs the batch itself. */
  readonly engine?: Engine;
  readonly options: AgainOptions;
  readonly rerun: RerunRequest;
}

async function startAgain(starting: Starting): Promise<ExitCode> {
  const { context, access, engine, rerun } = starting;
  const { stdout, stderr } = context;
  const location = await findBatch(access, starting.options.id);
  const status = await readBatchStatus(access, location);
  const { force } = starting.options;
  const question = 'Terminate its workflows and continue from the bucket?';
  if (status && isOpen(status)) {
    const isEnded = await endWhereWanted(context, access, location, { status, force, question });
    if (!isEnded) return stillRunning(starting, location, status);
  }
  const options =
    force || status?.state === 'stuck'
      ? await withBudgetLeft(context, access, location, starting.options)
      : starting.options;
  const plan = await shownPlan(context, access.store, location, { options, rerun, own: access.account() });
  if (isDone(plan)) {
    if (options.json) stdout.write(`${againJson(plan)}\n`);
    stderr.write(nothingToDoText(plan));
    return EXIT.ok;
  }
  const money = await moneyOf(context, { store: access.store, location }, { options, plan });
  if (rowsToRun(plan) === 0) stderr.write("Nothing to buy: only the batch's files are written again.\n");
  const consent = await consentTo(context, access, options, plan);
  if (consent !== 'given' || context.interrupted.aborted) {
    stderr.write('Nothing was started.\n');
    return consent === 'declined' ? EXIT.refused : EXIT.interrupted;
  }
  // A repeated run keeps its canary.
  const canary = options.canary ?? (plan.repeats === undefined ? undefined : plan.settings?.canary);
  const prices = access.isFree() ? undefined : context.config.prices;
  const settings = runSettings(options.running, plan.settings);
  const account = access.account();
  const { run } = await startRequest(access, plan.run, {
    request: {
      ...plan.request,
      ...(account && { service: serviceOf(account) }),
      rebind: options.rebind || plan.request.rebind,
    },
    settings: { ...withCanary(settings, canaryOf(canary, rowsToRun(plan)), prices), ...money },
  });
  if (engine || options.watch) {
    const code = await watchToEnd(context, watchedOf(starting, run));
    return code === EXIT.ok && rerun.action === 'redo'
      ? reportKept(context, access.store, run, plan.request.redo)
      : code;
  }
  if (options.json) stdout.write(`${againJson(plan)}\n`);
  stderr.write(`Started. Watch it with: banana-batch status ${run.batchId} --watch\n`);
  return EXIT.ok;
}

function watchedOf(
  { context, access, engine, options }: Starting,
  location: BatchLocation,
): Parameters<typeof watchToEnd>[1] {
  const { json, yes } = options;
  return { location, access, config: engine?.config ?? context.config, engine, json, asks: !yes };
}

async function stillRunning(
  starting: Starting,
  location: BatchLocation,
  status: BatchStatus,
): Promise<ExitCode> {
  const { context, engine, rerun } = starting;
  const { batchId } = location;
  if (!engine) {
    throw new UsageError(
      `Batch "${batchId}" is not finished (${status.state}), and ${rerun.action} works only on a finished batch. Wait for it: banana-batch status ${batchId} --watch, or end it first: banana-batch cancel ${batchId}`,
    );
  }
  const { runSeq } = status;
  const running = { ...location, runSeq };
  const request = await readDocument(
    starting.access.store,
    at(running, requestKey(running, runSeq)),
    RunRequest,
  );
  const { store } = starting.access;
  await refuseOtherBudget(store, running, spendingIn(starting.options.running), request.settings);
  // Its worker was a command that has ended: continue it here, or it would stop.
  context.stderr.write(
    `Batch "${batchId}" is still running, and is shown here; use ${rerun.action} when it has finished.\n`,
  );
  return watchToEnd(context, watchedOf(starting, location));
}

async function dryRunAgain(
  context: CommandContext,
  options: AgainOptions,
  rerun: RerunRequest,
): Promise<ExitCode> {
  return withBucket(context.config, async (store, bucket) => {
    const location = await findBatch({ store, bucket }, options.id);
    const own = ownAccount(context.config);
    const plan = await shownPlan(context, store, location, { options, rerun, own });
    if (isDone(plan)) context.stderr.write(nothingToDoText(plan));
    else await moneyOf(context, { store, location }, { options, plan });
    if (options.json) context.stdout.write(`${againJson(plan)}\n`);
    context.stderr.write('Dry run: nothing was started or bought.\n');
    return EXIT.ok;
  });
}

/** Plans and shows it. Throws a UsageError for an unknown batch or row, and for a batch of another account. */
async function shownPlan(
  { stderr, config, interrupted }: CommandContext,
  store: ObjectStore,
  location: BatchLocation,
  {
    options,
    rerun,
    own,
  }: {
    readonly options: AgainOptions;
    readonly rerun: RerunRequest;
    readonly own: AccountId | undefined;
  },
): Promise<AgainPlan> {
  refuseOtherAccount(location, await readBatchFiles(store, location), own, options);
  const { prices } = config;
  const spending = spendingIn(options.running);
  const isCounted =
    prices !== undefined && (config.api?.origin !== 'stack' || budgetIn(spending) !== undefined);
  const progress = openProgress(stderr);
  let plan: AgainPlan | undefined;
  try {
    const request = await withRowIds(store, location, rerun, (line) => stderr.write(line));
    plan = await planAgain(store, location, request, {
      onRows: (rows) => progress.show(`Reading the batch's ledger: ${rows} rows`),
      withKinds: isCounted,
      signal: interrupted,
    });
  } finally {
    progress.end({ clear: true });
  }
  if (!plan) throw unknownBatch(location);
  stderr.write(againText(plan));
  if (isCounted && plan.purchase) {
    const { buys } = plan.purchase;
    if (buys.length > 0) stderr.write(costText(prices, buys) + budgetText(spending, buys, prices));
  }
  stderr.write(canaryPlanText(options.canary, rowsToRun(plan)));
  return plan;
}

/** The money settings of the run. Throws a UsageError as `spendingSettings`. */
function moneyOf(
  { config: { prices } }: CommandContext,
  batch: { readonly store: ObjectStore; readonly location: BatchLocation },
  { options, plan }: { readonly options: AgainOptions; readonly plan: AgainPlan },
): ReturnType<typeof spendingSettings> {
  const counted = { ...plan, mayMake: plan.purchase?.mayMake ?? [] };
  return spendingSettings(spendingIn(options.running), { plan: counted, prices, batch });
}

/** The rows of a redo by id, however they were named; unchanged if no run has read its rows yet. */
async function withRowIds(
  store: ObjectStore,
  location: BatchLocation,
  rerun: RerunRequest,
  note: (line: string) => void,
): Promise<RerunRequest> {
  if (rerun.action !== 'redo') return rerun;
  const { base } = await beforeRun(store, { ...location, runSeq: (await lastRunSeq(store, location)) + 1 });
  return base ? { ...rerun, rows: await findRowIds(store, base, rerun.rows, note) } : rerun;
}

function isDone(plan: AgainPlan): boolean {
  return plan.isSealed && rowsToRun(plan) + plan.removed === 0;
}

/** Money may be spent after this: a person at a terminal is asked; in a script the command itself is the consent. */
async function consentTo(
  context: CommandContext,
  { isFree }: BatchAccess,
  { yes }: AgainOptions,
  plan: AgainPlan,
): Promise<Consent> {
  const toBuy = rowsToBuy(plan);
  if (yes || isFree() || toBuy === 0 || !context.stdin.isTTY) return 'given';
  return askConsent(context, `Make ${counted(toBuy, 'image')}?`);
}
