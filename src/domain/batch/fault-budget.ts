/** How long a step may fail for temporary reasons before the batch is held. Only time spent failing counts, not queueing. */
export interface RetryBudget {
  /** Time spent on failed attempts and the waits between them. */
  readonly spentMs: number;
  readonly tries: number;
}

export const FRESH_BUDGET: RetryBudget = { spentMs: 0, tries: 0 };

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

/** What follows a temporary fault: another attempt after `delayMs`, or the limit is used up. */
export type NextTry =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly budget: RetryBudget }
  | { readonly kind: 'exhausted' };

/**
 * Decides after a failed attempt that took `tryMs`. The delay doubles from 1 s to 30 s with half of it random
 * (`random` in [0, 1)), and is never shorter than what the service requested; if that alone exceeds the rest of the
 * limit, the limit is used up.
 */
export function afterFault(input: {
  readonly budget: RetryBudget;
  readonly tryMs: number;
  readonly limitMs: number;
  readonly retryAfterMs: number | undefined;
  readonly random: number;
}): NextTry {
  const { budget, tryMs, limitMs, retryAfterMs, random } = input;
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(budget.tries, 10));
  const delayMs = Math.max(ceiling * (0.5 + random / 2), retryAfterMs ?? 0);
  const spentMs = budget.spentMs + tryMs;
  if (spentMs + (retryAfterMs ?? 0) >= limitMs) return { kind: 'exhausted' };
  return { kind: 'retry', delayMs, budget: { spentMs: spentMs + delayMs, tries: budget.tries + 1 } };
}
