import { compareDecimals, totalOf } from './money/decimal.js';

/** The result of a budget, for people: decimal strings. */
export interface BudgetStatus {
  /** What the run may cost. */
  readonly cap: string;
  /** Spent, or leased to shards that may spend it. */
  readonly committed: string;
  /** Images that were bought for it, as far as the shards have told. */
  readonly images: number;
  /** What of it was leased to shards that were ended from outside, and may be unspent; absent: nothing. */
  readonly unknown?: string;
}

/** Why a batch is stopped whose budget does not pay for the next image, and how it continues. */
export function spentText(batchId: string, status: BudgetStatus, next: string): string {
  const { cap, committed, images, unknown } = status;
  const lost = unknown === undefined ? '' : ` (${unknown} of it reserved by terminated shards)`;
  const reached = compareDecimals(committed, cap) > 0 ? committed : cap;
  const more = totalOf([{ amount: compareDecimals(reached, '0') > 0 ? reached : next, times: 2 }]);
  const whole = more.replace(/\.00$/, '');
  return `The budget of ${cap} is spent: ${committed} for ${images} image${images === 1 ? '' : 's'}${lost}; the next image costs ${next}. Continue with: banana-batch set ${batchId} --budget ${whole}`;
}
