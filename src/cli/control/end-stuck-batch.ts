import { budgetLeft } from '../../plan/budget-left.js';
import { endWorkflows } from '../../starter.js';
import type { RunningFlags } from '../submit/flags/running-flags.js';
import type { BatchStatus } from '../../status/status-document.js';
import { UsageError } from '../../errors.js';
import type { BatchLocation } from '../../storage/layout.js';
import type { BatchAccess } from '../terminal/batch-access.js';
import type { CommandContext } from '../terminal/command-context.js';
import { askConsent } from '../terminal/consent.js';

/**
 * Terminates the workflows of an open batch: with `force`, or if it is stuck and the person at the terminal agrees to
 * `question`. False if it continues, since it is not stuck. Throws a UsageError for a stuck one that is not to be
 * ended.
 */
export async function endWhereWanted(
  context: CommandContext,
  { client }: Pick<BatchAccess, 'client'>,
  location: BatchLocation,
  {
    status,
    force,
    question,
  }: { readonly status: BatchStatus; readonly force: boolean; readonly question: string },
): Promise<boolean> {
  if (!force && status.state !== 'stuck') return false;
  if (!force) {
    const { stdin, stderr } = context;
    if (stdin.isTTY) stderr.write(`${status.reason}\n`);
    if (!stdin.isTTY || (await askConsent(context, question)) !== 'given') throw stuck(status);
  }
  await endWorkflows(client, location);
  context.stderr.write(`Terminated the workflows of "${location.batchId}".\n`);
  return true;
}

/** The options with what is left of the budget of the run that was ended, unless a budget is given. */
export async function withBudgetLeft<Options extends { readonly running: RunningFlags }>(
  { stderr }: CommandContext,
  { store }: Pick<BatchAccess, 'store'>,
  location: BatchLocation,
  options: Options,
): Promise<Options> {
  if (options.running.budget !== undefined) return options;
  const budget = await budgetLeft(store, location, Date.now());
  if (!budget) return options;
  stderr.write(`Budget     ${budget.left} left of ${budget.cap}\n`);
  return { ...options, running: { ...options.running, budget: budget.left } };
}

/** The refusal to send anything to a stuck batch. */
export function stuck({ batchId, reason }: Pick<BatchStatus, 'batchId' | 'reason'>): UsageError {
  return new UsageError(`Batch "${batchId}" does not answer. ${reason}`);
}
