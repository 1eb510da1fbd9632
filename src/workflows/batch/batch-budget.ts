import { condition, log, uuid4 } from '@temporalio/workflow';
import {
  BatchMoney,
  type BroughtReport,
  type Grants,
  type RaisedTotal,
} from '../../domain/money/batch-money.js';
import { type LeaseControl, spentText, type BudgetStatus } from '../../domain/money/budget.js';
import { MAX_BUDGET, microsOf, microsText } from '../../domain/money/decimal.js';
import type { RaiseGrantedInput } from '../protocol/activities.js';
import type { BatchSnapshot, ResumedBatch, RunBatchInput } from '../protocol/batch-messages.js';
import type { OpenShards } from './open-shards.js';
import type { BatchPauses } from './batch-pauses.js';

/** The budget of a batch: grants it to the shards, and pauses the batch when it is spent. */
export class BatchBudget {
  readonly #batchId: string;
  readonly #raise: (raise: Omit<RaiseGrantedInput, 'run'>) => Promise<RaisedTotal>;
  readonly #shards: Pick<OpenShards, 'all' | 'tell' | 'sendControl'>;
  readonly #pauses: BatchPauses;
  readonly #onChange: () => void;
  readonly #money: BatchMoney;
  /** In millionths; undefined for a batch without a budget. */
  #cap: number | undefined;
  #isRaising = false;
  #call: LeaseControl['call'] = 'nothing';

  /** Call within a scope that nothing cancels. */
  constructor(options: {
    readonly input: RunBatchInput;
    /** Raises the number in the bucket, and waits for the answer. */
    readonly raise: (raise: Omit<RaiseGrantedInput, 'run'>) => Promise<RaisedTotal>;
    /** `sendControl` sends each shard the result of `leaseOf`. */
    readonly shards: Pick<OpenShards, 'all' | 'tell' | 'sendControl'>;
    readonly pauses: BatchPauses;
    /** Called when `status` may have changed. */
    readonly onChange: () => void;
  }) {
    const { run, settings, resumed } = options.input;
    this.#batchId = run.batchId;
    this.#raise = options.raise;
    this.#shards = options.shards;
    this.#pauses = options.pauses;
    this.#onChange = options.onChange;
    this.#money = new BatchMoney(resumed?.money);
    const cap = resumed?.budget ?? settings.budget;
    if (cap === undefined) return;
    this.#cap = inMicros(cap);
    this.#grantForEver().catch((error: unknown) => {
      log.error('Unexpected error while a budget was granted.', { error });
      throw error;
    });
  }

  /** For the batch's next workflow run. */
  get left(): Pick<ResumedBatch, 'budget' | 'money'> {
    return this.#cap === undefined ? {} : { budget: microsText(this.#cap), money: this.#money.left };
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

  /** The lease state that the batch sends to a shard. */
  leaseOf(shard: number): LeaseControl | undefined {
    return this.#cap === undefined ? undefined : this.#money.controlOf(shard, this.#cap);
  }

  hear(report: BroughtReport): void {
    if (this.#cap === undefined) return;
    this.#money.hear(report);
    if (!this.#callAgain() && this.#money.isVoid(report.shard)) this.#shards.tell(report.shard);
    this.#show();
  }

  /** Notes that a shard has ended. */
  noteShards(): void {
    this.#show();
    this.#onChange();
  }

  /** Changes the budget. If the new one is lower, what is unspent is returned. */
  set(amount: string): void {
    this.#cap = inMicros(amount);
    this.#onChange();
    this.#callAgain();
    this.#show();
  }

  /** Why resuming would not continue the batch, as a sentence for users; undefined if it would. */
  problemWithResume(holds: BatchSnapshot['holds']): string | undefined {
    return this.#pauses.problemWithResume(holds);
  }

  /** Why the budget cannot be changed, as a sentence for users. */
  problemWithSet(): string | undefined {
    return this.#cap === undefined
      ? 'it was started without a budget and without prices. Give the next run a budget: --budget.'
      : undefined;
  }

  /** Records in the bucket what was returned to the end. Call once no shard is open. */
  async close(): Promise<void> {
    if (this.#cap === undefined) return;
    await condition(() => !this.#isRaising);
    for (let isRecorded = false; !isRecorded;) isRecorded = (await this.#raiseBy(this.#cap, 0)).isRaised;
  }

  #plan(): Grants | undefined {
    return this.#money.plan(this.#cap ?? 0, this.#shards.all);
  }

  /** Tells all shards what to return, if that has changed. */
  #callAgain(): boolean {
    const call = this.#money.call(this.#cap ?? 0);
    if (call === this.#call) return false;
    this.#call = call;
    this.#shards.sendControl();
    return true;
  }

  async #grantForEver(): Promise<void> {
    for (;;) {
      await condition(() => !this.#isRaising && this.#plan() !== undefined);
      const cap = this.#cap ?? 0;
      const grants = this.#plan();
      if (!grants) continue;
      this.#money.begin(grants);
      const granted = this.#money.settle(await this.#raiseBy(cap, grants.by));
      if (!this.#callAgain()) for (const shard of granted) this.#shards.tell(shard);
      this.#show();
      this.#onChange();
    }
  }

  async #raiseBy(cap: number, by: number): Promise<RaisedTotal> {
    this.#isRaising = true;
    const { total: from, returned, sums } = this.#money;
    const { images, unknown } = sums;
    try {
      const answer = await this.#raise({ id: uuid4(), cap, from, by, returned, images, unknown });
      if (by === 0) this.#money.settle(answer);
      return answer;
    } finally {
      this.#isRaising = false;
    }
  }

  /** Pauses the batch when nothing more can be bought, and resumes it when something can. */
  #show(): void {
    const { status } = this;
    const cap = this.#cap ?? 0;
    if (!status || this.#isRaising || this.#plan()) return;
    const next = this.#money.stoppedAt(cap, this.#shards.all);
    if (next === undefined) this.#pauses.end('budget');
    else this.#pauses.pause('budget', spentText(this.#batchId, status, microsText(next)));
  }
}

function inMicros(amount: string): number {
  const micros = microsOf(amount, MAX_BUDGET);
  if (micros === undefined) throw new Error(`"${amount}" is not a valid budget.`);
  return micros;
}
