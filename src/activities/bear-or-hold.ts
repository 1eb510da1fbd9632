import type { BananaHubError } from '../bananahub/errors.js';
import type { BatchFaultDetails } from '../domain/batch/holds.js';
import { afterFault, type RetryBudget, type NextTry } from '../domain/batch/fault-budget.js';
import { batchFault, type Meaning } from './failure.js';
import type { ActivityLimits } from './limits.js';

const RATE_LIMITED = 'rate-limited' satisfies BananaHubError['code'];

// What went well before the fault, or waited for memory, must not use up a whole budget at once.
const LONGEST_COUNTED_TRY_MS = 30_000;

/** How much of a failed try of `tryMs` counts as spent on failing: at most one request's time limit, 30 s. */
export function countedTryMs(tryMs: number): number {
  return Math.min(tryMs, LONGEST_COUNTED_TRY_MS);
}

/** How often and how long a step has failed, and how long it may. */
export interface Failing {
  readonly budget: RetryBudget;
  readonly tryMs: number;
  readonly limits: Pick<ActivityLimits, 'serviceFaultMs' | 'storageFaultMs'>;
}

type Passing = Extract<Meaning, { kind: 'passing' }>;

/** Whether the limit for what a passing fault concerns is used up. */
export function isExhausted(meaning: Passing, failing: Failing): boolean {
  return nextTry(meaning, failing).kind === 'exhausted';
}

function nextTry({ cause }: Passing, { budget, tryMs, limits }: Failing): NextTry {
  return afterFault({
    budget,
    tryMs: countedTryMs(tryMs),
    limitMs: cause.scope === 'storage' ? limits.storageFaultMs : limits.serviceFaultMs,
    retryAfterMs: cause.retryAfterMs,
    random: Math.random(),
  });
}

/**
 * Decides after a passing fault; throws the batch's fault where the limit for what it concerns is used up, or would be by
 * the wait that the service asks for: no one holds a place for hours without the batch saying why.
 */
export function retryOrHold(
  meaning: Passing,
  options: Failing & Omit<BatchFaultDetails, 'cause' | 'failedMs'> & { readonly isDoubted?: boolean },
): { readonly delayMs: number; readonly budget: RetryBudget } {
  const { budget, tryMs, limits, isDoubted = false, ...details } = options;
  const { scope, code } = meaning.cause;
  const isTold = isDoubted && scope === 'service' && code !== RATE_LIMITED;
  const next: NextTry = isTold ? { kind: 'exhausted' } : nextTry(meaning, { budget, tryMs, limits });
  if (next.kind === 'retry') {
    if (code !== RATE_LIMITED) return next;
    // To wait as long as it was asked to is no failing of the service.
    const spentMs = next.budget.spentMs - Math.min(next.delayMs, meaning.cause.retryAfterMs ?? 0);
    return { ...next, budget: { ...next.budget, spentMs } };
  }
  const failedMs = Math.round(budget.spentMs + countedTryMs(tryMs));
  throw batchFault({ ...details, failedMs, cause: meaning.cause }, meaning.text);
}
