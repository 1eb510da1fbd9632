import type { BudgetStatus } from '../../domain/money/budget.js';
import { microsText } from '../../domain/money/decimal.js';
import { tableOf, type ImagePrice } from '../../domain/money/price-table.js';
import {
  ExpectedCost,
  madeByRun,
  measuredCost,
  type AccountBalance,
  type RunCost,
} from '../../domain/money/run-cost.js';
import { readBudgetFile } from '../../ledger/budget-file.js';
import type { BatchFile } from '../../ledger/documents.js';
import type { RunRef } from '../../storage/layout.js';
import { readBalance } from '../account/account-balance.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import type { SealedRow } from './sealed-rows.js';
import type { SealInput } from '../../workflows/protocol/activities.js';

const OPEN_ENDS: ReadonlySet<string> = new Set(['open', 'unanswered', 'unfinished']);

/** Sums the cost of a run, by its prices and by the account's balance. */
export class SealedCost {
  readonly #state: Pick<WorkerState, 'api' | 'log' | 'openBatchesSince'>;
  readonly #run: RunRef;
  readonly #before: AccountBalance | undefined;
  readonly #after: AccountBalance | undefined;
  readonly #expected: ExpectedCost | undefined;
  #openJobs = 0;

  private constructor(
    state: Pick<WorkerState, 'api' | 'log' | 'openBatchesSince'>,
    run: RunRef,
    {
      before,
      after,
      prices,
    }: {
      readonly before: AccountBalance | undefined;
      readonly after: AccountBalance | undefined;
      readonly prices: readonly ImagePrice[] | undefined;
    },
  ) {
    this.#state = state;
    this.#run = run;
    this.#before = before;
    this.#after = after;
    this.#expected = prices && new ExpectedCost(tableOf(prices));
  }

  /** Starts by reading the balance. */
  static async begin(
    state: Pick<WorkerState, 'api' | 'log' | 'openBatchesSince' | 'store'>,
    run: RunRef,
    { settings, balance: before }: Pick<BatchFile, 'settings' | 'balance'>,
  ): Promise<SealedCost> {
    const after = await readBalance(state);
    const prices = (await readBudgetFile(state.store, run))?.prices ?? settings.prices;
    return new SealedCost(state, run, { before, after, prices });
  }

  add({ row, outcome }: SealedRow): void {
    const last = outcome.generations.at(-1);
    if (last && OPEN_ENDS.has(last.end) && last.charged !== 'yes') this.#openJobs += 1;
    if (outcome.runSeq === this.#run.runSeq) this.#expected?.add(row, madeByRun(row, outcome.generations));
  }

  /** The total. */
  async end({
    startedAt,
    ranOutOfFunds: ranOut,
  }: Pick<SealInput, 'startedAt' | 'ranOutOfFunds'>): Promise<RunCost> {
    const expected = this.#expected?.total;
    const [before, after, openJobs] = [this.#before, this.#after, this.#openJobs];
    const others = await this.#others(startedAt);
    const measured = measuredCost({
      before,
      after,
      openJobs,
      others,
      ranOutOfFunds: ranOut === true,
      expected,
    });
    return { ...measured, ...(expected && { expected }) };
  }

  async #others(startedAt: string): Promise<readonly string[] | undefined> {
    try {
      const open = await this.#state.openBatchesSince(startedAt);
      return open.filter((batchId) => batchId !== this.#run.batchId);
    } catch (error) {
      if (cancellationSignal().aborted) throw error;
      this.#state.log.info({ err: error }, 'Temporal does not answer which other batches were running.');
      return undefined;
    }
  }
}

/** The result of a run's budget; undefined without one. Throws StorageError. */
export async function sealedBudget(
  { store }: Pick<WorkerState, 'store'>,
  run: RunRef,
  { settings }: Pick<BatchFile, 'settings'>,
): Promise<BudgetStatus | undefined> {
  const file = await readBudgetFile(store, run);
  const { cap = settings.budget, committed = '0.00', images = 0, unknown = 0 } = file ?? {};
  if (cap === undefined) return undefined;
  return { cap, committed, images, ...(unknown > 0 && { unknown: microsText(unknown) }) };
}
