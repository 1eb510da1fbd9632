import type { ShardReport } from '../protocol/shard-messages.js';
import type { BatchBudget } from './batch-budget.js';
import type { BatchHolds } from './holds/batch-holds.js';
import type { BatchPace } from './batch-pace.js';
import type { FailureTrials } from './holds/failure-trials.js';
import type { ShardRuns } from './shard-runs.js';

/** Temporal allows 10,000 signals in a workflow run; the rest is for shards that are open when this many have come. */
const MOST_REPORTS = 8_000;

/** Takes the reports of the shards of a batch. */
export class TakenReports {
  readonly #budget: Pick<BatchBudget, 'take'>;
  readonly #holds: Pick<BatchHolds, 'take' | 'calls'>;
  readonly #pace: Pick<BatchPace, 'slowDown'>;
  readonly #trials: Pick<FailureTrials, 'take'>;
  readonly #shards: Pick<ShardRuns, 'open' | 'deal' | 'replaced'>;
  #taken = 0;

  constructor(batch: {
    readonly budget: Pick<BatchBudget, 'take'>;
    readonly holds: Pick<BatchHolds, 'take' | 'calls'>;
    readonly pace: Pick<BatchPace, 'slowDown'>;
    readonly trials: Pick<FailureTrials, 'take'>;
    readonly shards: Pick<ShardRuns, 'open' | 'deal' | 'replaced'>;
  }) {
    this.#budget = batch.budget;
    this.#holds = batch.holds;
    this.#pace = batch.pace;
    this.#trials = batch.trials;
    this.#shards = batch.shards;
  }

  /** Whether this workflow run should take no reports of further shards. */
  get areMany(): boolean {
    return this.#taken >= MOST_REPORTS;
  }

  take(report: ShardReport): void {
    const { shard, execution, lease, faults, slowDown, trialEnd, offer } = report;
    const { open } = this.#shards;
    const before = open.get(shard);
    this.#taken += 1;
    if (lease) this.#budget.take({ ...lease, execution });
    if (report.isOver && before?.isAdopted) open.adoptedEnded(shard);
    else if (open.isOfOther(report)) this.#shards.replaced(shard);
    else if (before && before.execution !== execution) open.sendTo(shard);
    if (!open.takeReport(report) || !before) return;
    const news = faults.filter(({ id }) => id > before.faultTaken);
    const areHeld = news.map((fault) => this.#holds.take(fault));
    // A fault that changes no hold must be answered at once, or the shard would wait for ever.
    if (areHeld.includes(false)) open.sendTo(shard);
    if (slowDown && slowDown.metAtMs > before.slowDownMs) this.#pace.slowDown(slowDown);
    if (trialEnd) this.#trials.take(trialEnd);
    if (offer) this.#holds.calls.take(offer);
    this.#shards.deal();
  }
}
