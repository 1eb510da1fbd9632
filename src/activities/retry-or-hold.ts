import type { BananaHubError } from '../bananahub/errors.js';
import type { BatchFaultDetails } from '../domain/batch/holds.js';
import { afterFault, type RetryBudget, type NextTry } from '../domain/batch/fault-budget.js';
import { batchFault, type Meaning } from './hold-causes.js';
import type { ActivityLimits } from './limits.js';

const RATE_LIMITED = 'rate-limited' satisfies BananaHubError['code'];

// Time before the fault that succeeded, or waited for memory, must not use up the whole limit at once.
const LONGEST_COUNTED_TRY_MS = 30_000;

/** How much of a failed attempt of `tryMs` counts as failing: at most one request's time limit, 30 s. */
export function countedTryMs(tryMs: number): number {
  return Math.min(tryMs, LONGEST_COUNTED_TRY_MS);
}

/** How often and how long a step has failed, and the limit of that. */
export interface Failing {
  readonly budget: RetryBudget;
  readonly tryMs: number;
  readonly limits: Pick<ActivityLimits, 'serviceFaultMs' | 'storageFaultMs'>;
}

type Passing = Extract<Meaning, { kind: 'passing' }>;

/** Whether the limit for the scope of a temporary fault is used up. */
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
 * Decides after a temporary fault. Throws the batch's fault if the limit for its scope is used up, or would be by the
 * wait that the service requests: no row occupies a slot for hours without the batch showing why.
 */
export function retryOrHold(
  meaning: Passing,
  options: Failing & Omit<BatchFaultDetails, 'cause' | 'failedMs'> & { readonly isDoubted?: boolean },
): { readonly delayMs: number; readonly budget: RetryBudget } {
  const { budget, tryMs, limits, isDoubted = false, ...details } = options;
  const { scope, code } = meaning.cause;
  const mustBeReported = isDoubted && scope === 'service' && code !== RATE_LIMITED;
  const next: NextTry = mustBeReported ? { kind: 'exhausted' } : nextTry(meaning, { budget, tryMs, limits });
  if (next.kind === 'retry') {
    if (code !== RATE_LIMITED) return next;
    // A requested wait does not count as a failure of the service.
    const spentMs = next.budget.spentMs - Math.min(next.delayMs, meaning.cause.retryAfterMs ?? 0);
    return { ...next, budget: { ...next.budget, spentMs } };
  }
  const failedMs = Math.round(budget.spentMs + countedTryMs(tryMs));
  throw batchFault({ ...details, failedMs, cause: meaning.cause }, meaning.text);
}
