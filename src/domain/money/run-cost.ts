import { compareDecimals, totalOf } from './decimal.js';
import type { GenerationRecord } from '../rows/outcome.js';
import { priceOf, type PriceTable } from './price-table.js';
import type { ShardRow } from '../rows/row.js';

/** The account's balance at some time: decimal strings. */
export interface AccountBalance {
  readonly balance: string;
  readonly reserved: string;
}

/** The cost of a run. Amounts are decimal strings. */
export interface RunCost {
  /** The account's balance when the run's rows were known, and when it was sealed; null if the service did not report it. */
  readonly before: AccountBalance | null;
  readonly after: AccountBalance | null;
  /** The decrease of the balance; null if something else may have changed it. */
  readonly measured: string | null;
  /** Why there is no `measured`. */
  readonly unmeasured?: string;
  /** By the prices: for the charged generations, and including those that may have been charged. Absent without prices. */
  readonly expected?: { readonly least: string; readonly most: string };
}

/** The cost of a run by the account's balance, if nothing else is known to have changed it. */
export function measuredCost(input: {
  readonly before: AccountBalance | undefined;
  readonly after: AccountBalance | undefined;
  /** Other batches that ran meanwhile; undefined if unknown. */
  readonly others: readonly string[] | undefined;
  /** Jobs of the batch with an unknown end. */
  readonly openJobs: number;
  /** A create was refused for lack of funds and later ones were accepted: someone has added funds. */
  readonly ranOutOfFunds: boolean;
  /** By the prices; undefined without prices. */
  readonly expected: RunCost['expected'];
}): Pick<RunCost, 'before' | 'after' | 'measured' | 'unmeasured'> {
  const { before, after, others, openJobs, ranOutOfFunds, expected } = input;
  const known = { before: before ?? null, after: after ?? null };
  const not = (unmeasured: string) => ({ ...known, measured: null, unmeasured });
  if (!before) return not('The balance could not be read when the run began.');
  if (!after) return not('The balance could not be read when the run ended.');
  if (ranOutOfFunds) return not('Funds ran out during the run, and the account was topped up.');
  if (openJobs > 0)
    return not(`${openJobs} of its jobs ${openJobs === 1 ? 'was' : 'were'} not seen to finish.`);
  if (compareDecimals(before.reserved, '0') !== 0)
    return not('Other jobs of the account were unfinished when the run began.');
  if (compareDecimals(after.reserved, '0') !== 0)
    return not('Other jobs of the account were unfinished when the run ended.');
  if (!others) return not('It is not known whether other batches were running.');
  if (others.length > 0) return not(`Other batches were running: ${listed(others)}.`);
  const measured = totalOf([
    { amount: before.balance, times: 1 },
    { amount: after.balance, times: -1 },
  ]);
  if (compareDecimals(measured, '0') < 0) return not('The account was topped up during the run.');
  if (expected && compareDecimals(measured, expected.least) < 0) {
    return not(
      `The balance fell by ${measured}, less than the images cost by BANANA_PRICES: the account was topped up during the run, or the prices are too high.`,
    );
  }
  return { ...known, measured };
}

const SHOWN_BATCHES = 3;

function listed(ids: readonly string[]): string {
  const more = ids.length > SHOWN_BATCHES ? `, and ${ids.length - SHOWN_BATCHES} more` : '';
  return `${ids.slice(0, SHOWN_BATCHES).join(', ')}${more}`;
}

/** Sums the expected cost of one run's generations. */
export class ExpectedCost {
  readonly #prices: PriceTable;
  readonly #charged = new Map<string, number>();
  readonly #unknown = new Map<string, number>();
  #isWhole = true;

  constructor(prices: PriceTable) {
    this.#prices = prices;
  }

  /** Adds a row of the run with the generations that the run made for it. */
  add(row: Pick<ShardRow, 'model' | 'resolution'>, made: readonly GenerationRecord[]): void {
    const price = priceOf(this.#prices, row);
    for (const { charged } of made) {
      if (charged === 'no') continue;
      if (price === undefined) this.#isWhole = false;
      else increment(charged === 'yes' ? this.#charged : this.#unknown, price);
    }
  }

  /** Undefined if a generation has no price. */
  get total(): RunCost['expected'] {
    if (!this.#isWhole) return undefined;
    const least = terms(this.#charged);
    return { least: totalOf(least), most: totalOf([...least, ...terms(this.#unknown)]) };
  }
}

/** The generations that a run itself made for a row: none of an earlier run, and not the job with which the row started. */
export function madeByRun(
  row: Pick<ShardRow, 'generation' | 'jobId'>,
  generations: readonly GenerationRecord[],
): readonly GenerationRecord[] {
  return generations.filter(
    ({ generation, jobId }) =>
      generation > row.generation || (generation === row.generation && (!row.jobId || jobId !== row.jobId)),
  );
}

/** Those that a run has bought, also if their jobs failed: a create that was certainly refused made none. */
export function boughtByRun(
  row: Pick<ShardRow, 'generation' | 'jobId'>,
  generations: readonly GenerationRecord[],
): readonly GenerationRecord[] {
  return madeByRun(row, generations).filter(({ jobId, charged }) => jobId !== undefined || charged !== 'no');
}

function increment(counts: Map<string, number>, price: string): void {
  counts.set(price, (counts.get(price) ?? 0) + 1);
}

function terms(counts: ReadonlyMap<string, number>): { readonly amount: string; readonly times: number }[] {
  return Array.from(counts, ([amount, times]) => ({ amount, times }));
}
