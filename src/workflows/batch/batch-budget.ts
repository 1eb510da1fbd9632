import { condition, log, uuid4 } from '@temporalio/workflow';
import {
  BatchMoney,
  type ShardLeaseReport,
  type Grants,
  type RaisedTotal,
} from '../../domain/money/batch-money.js';
import { type LeaseCall, spentText, type BudgetStatus } from '../../domain/money/budget.js';
import type { ChangedSettings } from '../../domain/batch/batch-settings.js';
import { MAX_BUDGET, microsOf, microsText } from '../../domain/money/decimal.js';
import type { ImagePrice } from '../../domain/money/price-table.js';
import type { BatchSnapshot, ResumedBatch, RunBatchInput } from '../protocol/batch-messages.js';
import type { BudgetControl } from '../protocol/shard-messages.js';
import type { BatchPauses } from './batch-pauses.js';
import type { BatchSteps } from './batch-steps.js';
import { boughtByEnded, unsetText } from './first-budget.js';
import type { ShardRuns } from './shard-runs.js';

/** The budget of a batch: grants it to the shards, and pauses the batch when it is spent. */
export class BatchBudget {
  readonly #batchId: string;
  readonly #steps: () => Pick<BatchSteps, 'raiseGranted' | 'checkPrices' | 'countBought'>;
  readonly #shards: Pick<ShardRuns, 'open' | 'ended' | 'count'>;
  readonly #pauses: BatchPauses;
  readonly #onChange: () => void;
  readonly #money: BatchMoney;
  /** Shards that may have bought without the budget. Nothing is granted until it is known what. */
  readonly #uncounted = new Set<number>();
  /** In millionths; undefined for a batch without a budget. */
  #cap: number | undefined;
  #prices: readonly ImagePrice[] | undefined;
  /** The budget was set while the batch ran. */
  #isLate: boolean;
  /** The last message that sets the budget; they are applied one after the other. */
  #lastSet: Promise<void> = Promise.resolve();
  #isClosed = false;
  #isRaising = false;
  #call: LeaseCall = 'nothing';

  /** Call within a scope that nothing cancels. */
  constructor(options: {
    readonly input: RunBatchInput;
    readonly steps: () => Pick<BatchSteps, 'raiseGranted' | 'checkPrices' | 'countBought'>;
    /** `open.sendControl` sends each shard the result of `controlOf`. */
    readonly shards: Pick<ShardRuns, 'open' | 'ended' | 'count'>;
    readonly pauses: BatchPauses;
    /** Called when `status` may have changed. */
    readonly onChange: () => void;
  }) {
    const { run, settings, resumed } = options.input;
    this.#batchId = run.batchId;
    this.#steps = options.steps;
    this.#shards = options.shards;
    this.#pauses = options.pauses;
    this.#onChange = options.onChange;
    this.#money = new BatchMoney(resumed?.money);
    this.#prices = resumed?.prices ?? settings.prices;
    this.#isLate = resumed?.budget !== undefined && settings.budget === undefined;
    const cap = resumed?.budget ?? settings.budget;
    if (cap !== undefined) this.#begin(inMicros(cap));
  }

  #begin(cap: number): void {
    this.#cap = cap;
    this.#grantForEver().catch((error: unknown) => {
      log.error('Unexpected error while a budget was granted.', { error });
      throw error;
    });
  }

  /** For the batch's next workflow run. */
  get left(): Pick<ResumedBatch, 'budget' | 'prices' | 'money'> {
    if (this.#cap === undefined) return {};
    const prices = this.#prices && { prices: this.#prices };
    return { budget: microsText(this.#cap), ...prices, money: this.#money.left };
  }

  /** Whether all that was bought is counted, as it must be when the batch's workflow run ends. */
  get isCounted(): boolean {
    return this.#uncounted.size === 0;
  }

  /** For the batch's snapshot. */
  get shown(): Pick<BatchSnapshot, 'budget'> {
    return this.status ? { budget: this.status } : {};
  }

  /** The budget as `status` shows it; undefined for a batch without a budget. */
  get status(): BudgetStatus | undefined {
    if (this.#cap === undefined) return undefined;
    const { committed, images, unknown } = this.#money.sums;
    return {
      cap: microsText(this.#cap),
      committed: microsText(committed),
      images,
      ...(unknown > 0 && { unknown: microsText(unknown) }),
    };
  }

  /** What a shard must know of the budget. */
  controlOf(shard: number): BudgetControl | undefined {
    if (this.#cap === undefined) return undefined;
    const lease = this.#money.controlOf(shard, this.#cap);
    return {
      prices: this.#prices ?? [],
      ...(this.#hasNotReported(shard) && { countsPast: true }),
      ...(lease && { lease }),
    };
  }

  take(report: ShardLeaseReport): void {
    if (this.#cap === undefined) return;
    const { shard } = report;
    const isNewest = this.#money.take(report);
    this.#uncounted.delete(shard);
    // A workflow run that was reset must start a new lease, or make its reports the latest.
    const isWrong = !isNewest || this.#money.isVoid(shard);
    if (!this.#callAgain() && isWrong) this.#shards.open.sendTo(shard);
    this.#show();
  }

  /** Notes that a shard was opened before this batch was reset: it may have bought without the budget. */
  noteAdopted(shard: number): void {
    if (this.#hasNotReported(shard)) this.#uncounted.add(shard);
  }

  /** Notes that a shard has ended. */
  noteEnded(shard: number): void {
    if (this.#hasNotReported(shard)) {
      this.#uncounted.add(shard);
      this.#countEnded(shard).catch((error: unknown) => {
        log.error('Unexpected error while images were counted.', { error });
      });
    }
    this.#show();
    this.#onChange();
  }

  /** Whether a shard may have bought without the budget, and has not reported what. */
  #hasNotReported(shard: number): boolean {
    return this.#isLate && !this.#money.hasReported(shard);
  }

  /**
   * Sets the budget, if one is given, and records it in the bucket. If it is lower than before, what is unspent is
   * returned. Throws if prices are missing, or the batch ends before. `hasWaited`: then it pauses the batch, since nobody
   * gets the error.
   */
  async set({ budget, prices }: ChangedSettings, how?: { readonly hasWaited: true }): Promise<void> {
    if (budget === undefined) return;
    const cap = inMicros(budget);
    // Otherwise the batch would buy on without a limit while prices are read.
    const release = this.#cap === undefined ? this.#pauses.suspend() : undefined;
    const set = this.#lastSet
      .then(() => this.#setNow(cap, prices))
      .catch((error: unknown) => {
        if (how?.hasWaited) this.pauseUnset(budget, error);
        throw error;
      })
      .finally(release);
    this.#lastSet = set.catch(() => undefined);
    await set;
  }

  async #setNow(cap: number, prices: readonly ImagePrice[] | undefined): Promise<void> {
    if (this.#cap === undefined) await this.#start(cap, prices ?? this.#prices ?? []);
    if (this.#isClosed) throw new Error('The batch has no more rows to buy: its budget cannot be changed.');
    this.#cap = cap;
    this.#pauses.end('prices');
    this.#onChange();
    this.#callAgain();
    this.#show();
    await this.#record();
    this.#show();
  }

  /** Pauses a batch whose first budget could not be set. */
  pauseUnset(budget: string, error: unknown): void {
    if (this.#cap !== undefined) return;
    this.#pauses.pause('prices', unsetText(this.#batchId, budget, error));
  }

  /** Gives a running batch its first budget, which includes what was bought before. */
  async #start(cap: number, prices: readonly ImagePrice[]): Promise<void> {
    // Its rows must be known, so that each has a price.
    await condition(() => this.#shards.count !== undefined || this.#isClosed);
    await this.#steps().checkPrices(this.#shards.count ?? 0, prices);
    const past = await boughtByEnded(this.#shards, (shards) => this.#steps().countBought(shards, prices));
    if (this.#isClosed) return;
    this.#money.addPast(past);
    this.#prices = prices;
    this.#isLate = true;
    for (const { shard } of this.#shards.open.all) this.#uncounted.add(shard);
    this.#begin(cap);
    this.#shards.open.sendControl();
  }

  async #countEnded(shard: number): Promise<void> {
    this.#money.addPast(await this.#steps().countBought([shard], this.#prices ?? []));
    this.#uncounted.delete(shard);
    this.#show();
    this.#onChange();
  }

  /** Why resuming would not continue the batch, as a sentence for users; undefined if it would. */
  problemWithResume(holds: BatchSnapshot['holds']): string | undefined {
    return this.#pauses.problemWithResume(holds);
  }

  /** Why a budget cannot be set, as a sentence for users; undefined if it can. */
  problemWithSet({ prices }: ChangedSettings): string | undefined {
    return (this.#prices ?? prices)
      ? undefined
      : 'a budget needs the prices of images. Set BANANA_PRICES, and repeat the command.';
  }

  /** Records in the bucket what was returned to the end. Call once no shard is open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#cap === undefined) return;
    await condition(() => this.isCounted);
    await this.#record();
  }

  /** Writes the budget, and what is known of it, to the bucket. */
  async #record(): Promise<void> {
    for (;;) {
      while (this.#isRaising) await condition(() => !this.#isRaising);
      const answer = await this.#raiseBy(this.#cap ?? 0, this.#money.unrecorded);
      this.#money.settle(answer);
      if (answer.isRaised) return;
    }
  }

  #plan(): Grants | undefined {
    return this.isCounted ? this.#money.plan(this.#cap ?? 0, this.#shards.open.all) : undefined;
  }

  /** Tells all shards what to return, if that has changed. */
  #callAgain(): boolean {
    const call = this.#money.call(this.#cap ?? 0);
    if (call === this.#call) return false;
    this.#call = call;
    this.#shards.open.sendControl();
    return true;
  }

  async #grantForEver(): Promise<void> {
    for (;;) {
      await condition(() => !this.#isRaising && this.#plan() !== undefined);
      const cap = this.#cap ?? 0;
      const grants = this.#isRaising ? undefined : this.#plan();
      if (!grants) continue;
      this.#money.begin(grants);
      const granted = this.#money.settle(await this.#raiseBy(cap, grants.by));
      if (!this.#callAgain()) for (const shard of granted) this.#shards.open.sendTo(shard);
      this.#show();
      this.#onChange();
    }
  }

  async #raiseBy(cap: number, by: number): Promise<RaisedTotal> {
    this.#isRaising = true;
    const { total: from, returned, sums } = this.#money;
    const { images, unknown } = sums;
    try {
      const prices = this.#isLate && this.#prices ? { prices: this.#prices } : {};
      const raise = { id: uuid4(), cap, from, by, returned, images, unknown, ...prices };
      return await this.#steps().raiseGranted(raise);
    } finally {
      this.#isRaising = false;
    }
  }

  /** Pauses the batch when nothing more can be bought, and resumes it when something can. */
  #show(): void {
    const { status } = this;
    const cap = this.#cap ?? 0;
    if (!status || this.#isRaising || !this.isCounted || this.#plan()) return;
    const next = this.#money.stoppedAt(cap, this.#shards.open.all);
    if (next === undefined) this.#pauses.end('budget');
    else this.#pauses.pause('budget', spentText(this.#batchId, status, microsText(next)));
  }
}

function inMicros(amount: string): number {
  const micros = microsOf(amount, MAX_BUDGET);
  if (micros === undefined) throw new Error(`"${amount}" is not a valid budget.`);
  return micros;
}
