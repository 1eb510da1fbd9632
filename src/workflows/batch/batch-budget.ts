import { condition, log } from '@temporalio/workflow';
import type { LeaseBudgetInput } from '../protocol/activities.js';
import { BatchLeases, type BroughtWord, type LeaseAnswer } from '../../domain/money/batch-leases.js';
import { type LeaseControl, spentText, type BudgetStatus } from '../../domain/money/budget.js';
import { MAX_BUDGET, microsOf, microsText } from '../../domain/money/decimal.js';
import type { BatchSnapshot, ResumedBatch, RunBatchInput } from '../protocol/batch-messages.js';
import type { OpenShards } from './open-shards.js';
import type { BatchPauses } from './batch-pauses.js';

/** See `WholeBatch.lease`. */
type Lease = (asked: Omit<LeaseBudgetInput, 'run'>) => Promise<LeaseAnswer>;

/** The budget of a batch: leases it to the shards, and pauses the batch when it is spent. */
export class BatchBudget {
  readonly #batchId: string;
  readonly #lease: Lease;
  readonly #shards: Pick<OpenShards, 'all' | 'tell' | 'sendControl'>;
  readonly #pauses: BatchPauses;
  readonly #onChange: () => void;
  readonly #leases = new BatchLeases();
  /** In millionths; undefined for a batch without a budget. */
  #cap: number | undefined;
  #isChanged = false;
  #isAsking = false;

  /** Call within a scope that nothing cancels. */
  constructor(options: {
    readonly input: RunBatchInput;
    /** Sends a request to the budget's book and waits for the answer. */
    readonly lease: Lease;
    /** `tellAll` sends each shard the result of `leaseOf`. */
    readonly shards: Pick<OpenShards, 'all' | 'tell' | 'sendControl'>;
    readonly pauses: BatchPauses;
    /** Called when `status` may have changed. */
    readonly onChange: () => void;
  }) {
    const { run, settings, resumed } = options.input;
    this.#batchId = run.batchId;
    this.#lease = options.lease;
    this.#shards = options.shards;
    this.#pauses = options.pauses;
    this.#onChange = options.onChange;
    const cap = resumed?.budget ?? settings.budget;
    if (cap === undefined) return;
    this.#cap = inMicros(cap);
    this.#leaseForEver().catch((error: unknown) => {
      log.error('Unexpected error while reserving budget.', { error });
      throw error;
    });
  }

  /** For the batch's next workflow run. */
  get left(): Pick<ResumedBatch, 'budget'> {
    return this.#cap === undefined ? {} : { budget: microsText(this.#cap) };
  }

  /** For the batch's snapshot. */
  get shown(): Pick<BatchSnapshot, 'budget'> {
    return this.status ? { budget: this.status } : {};
  }

  /** The budget as `status` shows it; undefined for a batch without a budget. */
  get status(): BudgetStatus | undefined {
    if (this.#cap === undefined) return undefined;
    const { committed, images, unknown } = this.#leases.sums ?? { committed: 0, images: 0, unknown: 0 };
    return {
      cap: microsText(this.#cap),
      committed: microsText(committed),
      images,
      ...(unknown > 0 && { unknown: microsText(unknown) }),
    };
  }

  /** The lease state that the batch sends to a shard. */
  leaseOf(shard: number): LeaseControl | undefined {
    return this.#cap === undefined ? undefined : this.#leases.controlOf(shard, this.#cap);
  }

  hear(word: BroughtWord): void {
    this.#leases.hear(word);
    this.#show();
  }

  /** Notes that a shard has ended. */
  noteShards(): void {
    this.#show();
    this.#onChange();
  }

  /** Changes the budget. If the new one is lower, unspent leases are returned. */
  set(amount: string): void {
    const calledFor = this.#call;
    this.#cap = inMicros(amount);
    this.#isChanged = true;
    this.#onChange();
    if (this.#call !== calledFor) this.#shards.sendControl();
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

  /** Reports the last state of all shards to the book. Call once no shard is open. */
  async close(): Promise<void> {
    if (this.#cap === undefined) return;
    await condition(() => !this.#isAsking);
    await this.#ask();
  }

  get #call(): LeaseControl['call'] {
    return this.#leases.call(this.#cap ?? 0);
  }

  async #leaseForEver(): Promise<void> {
    for (;;) {
      await condition(() => !this.#isAsking && (this.#leases.isNewsForBook || this.#isChanged));
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    const calledFor = this.#call;
    this.#isAsking = true;
    this.#isChanged = false;
    try {
      const isBegun = this.#leases.sums !== undefined;
      const words = this.#leases.words(this.#shards.all);
      const answer = await this.#lease({ cap: this.#cap ?? 0, words, isBegun });
      const changed = this.#leases.take(answer);
      if (this.#call !== calledFor) this.#shards.sendControl();
      else for (const shard of changed) this.#shards.tell(shard);
    } finally {
      this.#isAsking = false;
    }
    this.#show();
    this.#onChange();
  }

  /** Pauses the batch when nothing more can be bought, and resumes it when something can. */
  #show(): void {
    const { status } = this;
    if (!status || this.#isAsking || this.#isChanged || this.#leases.isNewsForBook) return;
    const next = this.#leases.stoppedAt(this.#shards.all);
    if (next === undefined) this.#pauses.end('budget');
    else this.#pauses.pause('budget', spentText(this.#batchId, status, microsText(next)));
  }
}

function inMicros(amount: string): number {
  const micros = microsOf(amount, MAX_BUDGET);
  if (micros === undefined) throw new Error(`"${amount}" is not a valid budget.`);
  return micros;
}
