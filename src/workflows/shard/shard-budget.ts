import { uuid4, workflowInfo } from '@temporalio/workflow';
import type { ModelMode } from '../../domain/batch/holds.js';
import type { ImagePrice } from '../../domain/money/price-table.js';
import { addBought } from '../../domain/money/budget.js';
import { ShardLease, type LeaseLeft, type LeaseNeeds } from '../../domain/money/shard-lease.js';
import type { Activities, ShardPrices } from '../protocol/activities.js';
import { throughShardHolds, type ShardReports } from './messages/shard-reports.js';
import type { ShardHolds } from './messages/shard-holds.js';
import type { ShardLedger } from './row-states.js';
import type {
  BudgetControl,
  ProbedRow,
  ResumedShard,
  RunShardInput,
  ShardOverview,
} from '../protocol/shard-messages.js';
import { pastSpending } from './past-spending.js';

/** Minimum of rows that a shard requests money for at once: each request costs history. */
const LEAST_ASKED_FOR = 100;

/**
 * What a shard may spend if its batch has a budget. Without one every row is covered, and nothing is reported. If the
 * batch gets one later, nothing more is covered until the shard knows its prices.
 */
export class ShardBudget {
  readonly #shard: number;
  /** By row, in millionths; undefined without a budget, and before they are known. */
  #prices: readonly number[] | undefined;
  #isPricing = false;
  readonly #lease: ShardLease;
  readonly #ledger: ShardLedger;
  readonly #holds: ShardHolds;
  readonly #reports: ShardReports;
  readonly #known: ShardOverview['known'];
  readonly #left: LeaseLeft | undefined;
  /** Rows that a probe may buy although no price was reserved for them: there was no budget. */
  readonly #offered: Set<number>;
  readonly #readPrices: (prices: readonly ImagePrice[], countsPast: boolean) => Promise<ShardPrices>;
  #fail: (error: unknown) => void = () => undefined;
  #countedBy: string;

  constructor(
    input: RunShardInput,
    { known, nextPart }: Pick<ShardOverview, 'known' | 'nextPart'>,
    shard: {
      readonly ledger: ShardLedger;
      readonly holds: ShardHolds;
      readonly reports: ShardReports;
      readonly activities: Pick<Activities, 'priceShard'>;
    },
  ) {
    this.#shard = input.shard;
    this.#known = known;
    this.#left = input.resumed?.lease;
    this.#offered = new Set(input.resumed?.offered);
    // From the workflow's own random source: a reset changes only what is drawn after it.
    this.#lease = new ShardLease(uuid4, this.#left);
    this.#ledger = shard.ledger;
    this.#holds = shard.holds;
    this.#reports = shard.reports;
    const { run, shard: index } = input;
    this.#readPrices = (prices, countsPast) =>
      throughShardHolds(shard.reports, shard.holds, () =>
        shard.activities.priceShard({ run, shard: index, prices, beforePart: countsPast ? nextPart : 0 }),
      );
    this.#countedBy = shard.holds.countedBy;
    this.take();
  }

  /** Takes the batch's last control. */
  take(): void {
    const { countedBy, control } = this.#holds;
    const { budget } = control;
    if (countedBy !== this.#countedBy) this.#lease.repeat();
    this.#countedBy = countedBy;
    if (budget?.countsPast) this.#lease.requireReport();
    if (this.#prices) this.#lease.take(budget?.lease);
    else if (budget && !this.#isPricing) {
      this.#isPricing = true;
      this.#begin(budget).catch((error: unknown) => this.#fail(error));
    }
  }

  /** Sets what is called if the prices cannot be read for good: nothing more is covered then. */
  onFailure(fail: (error: unknown) => void): void {
    this.#fail = fail;
  }

  /** Begins to count, with what was bought before the batch had a budget. */
  async #begin(budget: BudgetControl): Promise<void> {
    const countsPast = budget.countsPast === true && !this.#left;
    const { prices, spent, images } = await this.#readPrices(budget.prices, countsPast);
    this.#prices = prices.flatMap(({ price, rows }) => Array.from({ length: rows }, () => price));
    if (countsPast) {
      const past = pastSpending(this.#ledger.rows, {
        known: this.#known,
        offered: this.#offered,
        priceOf: (row) => this.#priceOf(row),
      });
      this.#lease.countPast({ ...past, ...addBought(past, { spent, images }) });
    }
    this.take();
  }

  /** Whether the batch has no budget. */
  get #isFree(): boolean {
    return this.#holds.control.budget === undefined;
  }

  /** Whether a row's create is covered: already reserved, or within what is left. */
  covers(row: number): boolean {
    return this.#prices === undefined ? this.#isFree : this.#lease.covers(row, this.#priceOf(row));
  }

  /** Reserves the price of a row that starts, unless it already has a job. */
  start(row: number): void {
    if (this.#prices === undefined || this.#ledger.generationOf(row).jobId) return;
    this.#lease.reserve(row, this.#priceOf(row));
  }

  /** The only workflow run that may create a row's job, checked by the activity; undefined for any. */
  leasedTo(row: number): string | undefined {
    return this.#lease.runOf(row);
  }

  /** Records that a create of the row belonged to another workflow run, since this one was reset. */
  refuse(row: number): void {
    this.#lease.refuse(row);
  }

  /** Records that the row's present generation is bought. */
  spend(row: number): void {
    this.#lease.spend(row);
  }

  /** Records what a probe did for a row, also in the ledger. */
  noteProbed(probed: ProbedRow, nowMs: number): void {
    const { row, jobId } = probed;
    this.#ledger.noteProbed(probed, nowMs);
    if (jobId !== undefined && this.#ledger.generationOf(row).jobId === jobId) this.spend(row);
  }

  /** Records that a create of the row made no job; true if its price stays reserved, since it may be charged anyway. */
  takeBack(row: number, { mayBeCharged }: { readonly mayBeCharged: boolean }): boolean {
    if (mayBeCharged && this.#isFree) this.#offered.add(row);
    if (mayBeCharged) this.#lease.expose(row);
    else this.#lease.giveBack(row);
    return this.#prices !== undefined && this.#lease.isReserved(row);
  }

  /** Reserves a row's price for a probe's create; false if the lease does not cover it. */
  reserveForProbe(row: number): boolean {
    if (!this.covers(row)) return false;
    if (this.#isFree) this.#offered.add(row);
    this.start(row);
    this.#lease.expose(row);
    return true;
  }

  /** Rows that may be reserved for one probe: reserved money that is not used is missing elsewhere. */
  get mostForProbe(): number {
    return this.#isFree ? 5 : 2;
  }

  /** Whether the batch needs a new report. */
  hasNews(mayCreate: (mode: ModelMode) => boolean): boolean {
    return this.#prices !== undefined && this.#lease.hasNews(this.#needs(mayCreate));
  }

  /** Reports what money is needed, and what is not. */
  report(mayCreate: (mode: ModelMode) => boolean): void {
    if (this.#prices === undefined) return;
    const report = this.#lease.report(this.#needs(mayCreate), this.#sender);
    if (report) this.#reports.reportLease(report);
  }

  /** Returns what is left: nothing more is bought in this workflow run. */
  end(): void {
    const report = this.#lease.lastReport(this.#sender);
    if (report) this.#reports.reportLease(report);
  }

  /** For the shard's next workflow run, after `end`. */
  get left(): Pick<ResumedShard, 'lease' | 'offered'> {
    return {
      ...((this.#prices || this.#left) && { lease: this.#lease.left }),
      ...(this.#isFree && this.#offered.size > 0 && { offered: [...this.#offered] }),
    };
  }

  get #sender() {
    return { shard: this.#shard, run: workflowInfo().runId, nowMs: Date.now() };
  }

  #priceOf(row: number): number {
    const price = this.#prices?.[row];
    if (price === undefined) throw new Error(`There is no price for row ${row}.`);
    return price;
  }

  #needs(mayCreate: (mode: ModelMode) => boolean): LeaseNeeds {
    const { window } = this.#holds;
    const canWork = window > 0 || this.#ledger.counts.inFlight > 0;
    const queues: (readonly number[])[] = [];
    let rest = 0;
    let startable: number | undefined;
    // A row that comes back without money changes nothing: the batch stays paused for its budget.
    let isBusy = [...this.#ledger.counts.away].some((row) => this.covers(row));
    for (const [mode, rows] of this.#ledger.unpaid) {
      const [head] = rows;
      if (head !== undefined && canWork && mayCreate(mode)) {
        if (this.#lease.isReserved(head)) isBusy = true;
        else startable = Math.min(startable ?? Infinity, this.#priceOf(head));
      }
      const unreserved = rows.filter((row) => !this.#lease.isReserved(row));
      queues.push(unreserved);
      for (const row of unreserved) rest += this.#priceOf(row);
    }
    const next = firstOf(queues, Math.max(LEAST_ASKED_FOR, 2 * window));
    const soon = next.reduce((sum, row) => sum + this.#priceOf(row), 0);
    const [first] = next;
    return { soon, rest, startable, first: first === undefined ? undefined : this.#priceOf(first), isBusy };
  }
}

/** The first rows in sheet order from queues that are each roughly in sheet order. */
function firstOf(queues: readonly (readonly number[])[], count: number): readonly number[] {
  const [only = []] = queues;
  if (queues.length <= 1) return only.slice(0, count);
  return queues
    .flatMap((rows) => rows.slice(0, count))
    .toSorted((a, b) => a - b)
    .slice(0, count);
}
