import { MAX_BUDGET, microsOf } from '../money/decimal.js';

/** Most rows with an unfinished job at once that a batch may be given. */
export const MAX_CONCURRENCY = 10_000;

/** What a budget may be, for messages. */
export const BUDGET_RULE = `an amount with at most six decimals, such as 25.00, up to ${MAX_BUDGET}`;

/** What a person may change of a running batch. */
export interface ChangedSettings {
  /** Most rows with an unfinished job at once, 1 to 10,000. */
  readonly concurrency?: number;
  /** The batch is held where more of its last generations fail, in percent, 1 to 100; 100 never holds it. */
  readonly maxFailureRate?: number;
  /** What the run may cost at most: a decimal string of at most six decimals. */
  readonly budget?: string;
}

/** Why changed settings cannot be taken, as a sentence for a person; undefined where they can. */
export function problemWithSettings(settings: ChangedSettings | undefined): string | undefined {
  const { concurrency, maxFailureRate, budget } = settings ?? {};
  if (concurrency === undefined && maxFailureRate === undefined && budget === undefined) {
    return 'Nothing to set: give concurrency, maxFailureRate or budget.';
  }
  if (budget !== undefined && microsOf(budget, MAX_BUDGET) === undefined) {
    return `The budget must be ${BUDGET_RULE}.`;
  }
  if (concurrency !== undefined && !isWholeWithin(concurrency, MAX_CONCURRENCY)) {
    return `The concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}.`;
  }
  if (maxFailureRate !== undefined && !isWholeWithin(maxFailureRate, 100)) {
    return 'The maximum failure rate must be a whole number from 1 to 100, in percent.';
  }
  return undefined;
}

function isWholeWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}
