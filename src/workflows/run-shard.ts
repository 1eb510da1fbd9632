import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { failureRateCause, RecentGenerations, sampleSize } from '../domain/batch/failure-rate.js';
import type { FailureMessage } from '../domain/text/failure-message.js';
import type { Tally } from '../domain/batch/tally.js';
import { activityProxies, answerPosition, isHistoryLong } from './activity-proxies.js';
import {
  controlSignal,
  OLDEST_ROWS,
  oldestRowsQuery,
  rowQuery,
  shardTallyQuery,
  type ResumedShard,
  type RunShardInput,
  type RunShardResult,
  type ShardOverview,
} from './protocol/shard-messages.js';
import { JobSearches } from './shard/faults/job-searches.js';
import { MissingRows } from './shard/faults/missing-rows.js';
import { PartRecorder } from './shard/part-recorder.js';
import { ShardReports, throughShardHolds } from './shard/messages/shard-reports.js';
import type { RowContext } from './shard/row/row-context.js';
import { runRow } from './shard/row/run-row.js';
import { RowPermits, RunningCreates } from './shard/row-permits.js';
import type { MayCreate } from './shard/row-queues.js';
import { ShardBudget } from './shard/shard-budget.js';
import { ShardFaults } from './shard/faults/shard-faults.js';
import { ShardHolds } from './shard/messages/shard-holds.js';
import { ShardLedger } from './shard/row-states.js';
import { ShardSlots } from './shard/shard-slots.js';
import { ShardTrials } from './shard/faults/shard-trials.js';

/**
 * Runs the rows of one shard within its window; ends when each has settled and is recorded.
 * Cancelling this workflow cancels its rows in the same way as cancelling the batch.
 */
export async function runShard(input: RunShardInput): Promise<RunShardResult> {
  const root = CancellationScope.current();
  return CancellationScope.nonCancellable(async () => {
    const holds = new ShardHolds(input.control, input.resumed);
    const reports = new ShardReports(input, holds);
    answerPosition();
    setHandler(controlSignal, (control) => void reports.take(control));
    const activities = activityProxies(input.settings);
    const overview = await throughShardHolds(reports, holds, () =>
      activities.openShard({
        run: input.run,
        shard: input.shard,
        openedBy: workflowInfo().firstExecutionRunId,
      }),
    );
    const shard = new Shard({ input, holds, reports, activities }, overview);
    await shard.run(root);
    shard.budget.end();
    if (!shard.allSettled) {
      await condition(() => allHandlersFinished() && reports.haveArrived);
      // The next workflow run reads what is recorded, and continues with the rest.
      const resumed = { ...shard.left(), ...reports.left };
      return continueAsNew<typeof runShard>({ ...input, control: holds.control, resumed });
    }
    reports.reportEnd();
    await condition(() => reports.haveArrived);
    const isCanary = input.settings.canary !== undefined && input.shard === 0;
    return { tally: shard.tally(), ...(isCanary && { durationsMs: shard.durationsMs }) };
  });
}

/** One open shard: its rows, its window, and its messages to and from the batch. */
class Shard {
  readonly #input: RunShardInput;
  readonly #holds: ShardHolds;
  readonly #reports: ShardReports;
  readonly #ledger: ShardLedger;
  readonly #slots: ShardSlots;
  readonly budget: ShardBudget;
  readonly #permits: RowPermits;
  readonly #recorder: PartRecorder;
  readonly #recent: RecentGenerations;
  readonly #rowContext: RowContext;
  readonly #grace = new CancellationScope();
  readonly #creates = new RunningCreates();
  readonly #searches = new JobSearches();
  readonly #faults: ShardFaults;
  #cancelling = false;
  readonly #trials: ShardTrials;
  #isDraining = false;
  #defect: unknown;

  constructor(
    shard: {
      readonly input: RunShardInput;
      readonly holds: ShardHolds;
      readonly reports: ShardReports;
      readonly activities: ReturnType<typeof activityProxies>;
    },
    overview: ShardOverview,
  ) {
    const { input, holds, reports, activities } = shard;
    this.#input = input;
    this.#holds = holds;
    this.#reports = reports;
    this.#ledger = new ShardLedger(overview, input.resumed?.rows, Date.now());
    this.#slots = new ShardSlots(holds, this.#ledger, reports);
    this.budget = new ShardBudget(input, overview, { ledger: this.#ledger, holds, reports, activities });
    this.#faults = new ShardFaults({ input, ledger: this.#ledger, holds, budget: this.budget, reports });
    this.#permits = new RowPermits(holds, this.budget, () => this.#cancelling);
    this.#recorder = new PartRecorder(this.#ledger, overview.nextPart, (part, settled) =>
      throughShardHolds(reports, holds, () =>
        activities.recordOutcomes({ run: input.run, shard: input.shard, part, settled }),
      ),
    );
    this.#trials = new ShardTrials({
      holds,
      ledger: this.#ledger,
      reports,
      start: () =>
        this.#slots.free > 0 && !this.#drains() ? this.#startRow(this.#permits.mayTry) : undefined,
      made: input.resumed?.trialsMade ?? 0,
    });
    this.#recent = new RecentGenerations(sampleSize(input.settings.concurrency));
    this.#rowContext = {
      input,
      activities,
      ledger: this.#ledger,
      holds,
      budget: this.budget,
      grace: this.#grace,
      missing: new MissingRows(input.shard, this.#ledger, holds),
      searches: this.#searches,
      noteEnd: (end, message) => this.#noteEnd(end, message),
      noteThrough: (row, step) => this.#faults.noteThrough(row, step),
      judge: (row, step, fault) => this.#faults.judge(row, step, fault),
      raiseMissing: (candidate) => {
        this.#faults.raiseMissing(candidate);
        this.#takeBackCreates();
      },
      isCancelling: () => this.#cancelling,
      runCreate: (row, create) => this.#creates.run(row, create),
      slowDown: (waitMs) => reports.reportSlowDown(waitMs),
      raise: (fault, candidate, step) => {
        const isTold = this.#faults.raise(fault, candidate, step);
        this.#takeBackCreates();
        return isTold;
      },
    };
  }

  get allSettled(): boolean {
    return this.#ledger.allSettled;
  }

  tally(): Tally {
    return this.#ledger.tally();
  }

  /** Time from create to done of its last jobs. */
  get durationsMs(): readonly number[] {
    return this.#ledger.oldest(0).durationsMs;
  }

  left(): Pick<ResumedShard, 'rows' | 'trialsMade' | 'succeeded' | 'lease' | 'offered'> {
    const state = { trialsMade: this.#trials.made, succeeded: this.#faults.succeeded };
    return { rows: this.#ledger.left(), ...state, ...this.budget.left };
  }

  /** Runs until all rows have settled and are recorded, or until none is in flight and the history has grown long. */
  async run(root: CancellationScope): Promise<void> {
    const ledger = this.#ledger;
    const shield = CancellationScope.current();
    setHandler(shardTallyQuery, () => ledger.tally());
    setHandler(rowQuery, (row) => ledger.view(row));
    setHandler(oldestRowsQuery, () => ledger.oldest(OLDEST_ROWS));
    // A handler runs in the root scope: what it starts would be cancelled with the workflow.
    setHandler(controlSignal, (control) =>
      shield.run(async () => {
        const wasHeld = this.#holds.isHeld(['failure-rate']);
        if (!this.#reports.take(control)) return;
        this.#follow();
        if (wasHeld && !this.#holds.isHeld(['failure-rate'])) this.#recent.reset();
        this.#apply();
      }),
    );
    root.cancelRequested.catch(() => this.#cancel());
    this.budget.onFailure((error) => (this.#defect = error));
    // A control may have come while the shard was opened.
    this.#follow();
    this.#apply();
    await Promise.all([
      this.#startRows(),
      this.#recorder.recordUntil(() => this.#isOver || this.#defect !== undefined),
    ]);
    if (this.#defect !== undefined) throw this.#defect;
  }

  /** Holds the batch if too many of the last generations failed. */
  #noteEnd(end: 'image' | 'failure', message: FailureMessage = { message: 'no reason' }): void {
    this.#recent.note(end);
    const { failureRate } = this.#recent;
    if (failureRate === undefined || failureRate <= this.#holds.maxFailureRate) return;
    this.#reports.reportFault(failureRateCause(failureRate, message));
    this.#takeBackCreates();
  }

  /** Takes in what the batch's last control says of money, faults and rows. */
  #follow(): void {
    this.budget.take();
    for (const probed of this.#holds.control.probedRows) this.budget.noteProbed(probed, Date.now());
    this.#faults.take();
  }

  #apply(): void {
    this.#permits.follow();
    if (this.#holds.cancelling) this.#cancel();
    this.#takeBackCreates();
    this.#trials.follow();
  }

  #cancel(): void {
    if (this.#cancelling) return;
    this.#cancelling = true;
    this.#takeBackCreates();
    this.#ledger.cancelUnpaid(Date.now());
    const endGrace = (): void => {
      this.#grace.cancel();
      this.#ledger.cancelPending(Date.now());
    };
    sleep(this.#input.settings.graceMs).then(endGrace, endGrace);
  }

  /** Takes back creates that were not sent; their rows return to the queue. */
  #takeBackCreates(): void {
    this.#creates.takeBackUnless((row) =>
      this.#permits.mayCreate(this.#ledger.generationOf(row).mode, this.#trials.isOn(row)),
    );
  }

  /**
   * Whether no more rows are started because the rest is for a new workflow run. Never becomes false again; a shard
   * that is cancelled before ends soon anyway.
   */
  #drains(): boolean {
    if (!this.#isDraining && !this.#cancelling && isHistoryLong(this.#input.settings)) {
      this.#isDraining = true;
      this.#searches.stop();
    }
    return this.#isDraining;
  }

  get #isOver(): boolean {
    const { inFlight, copying } = this.#ledger.counts;
    return this.allSettled || (this.#drains() && inFlight + copying + this.#searches.running === 0);
  }

  async #startRows(): Promise<void> {
    while (!this.#isOver) {
      while (this.#canStart()) this.#startRow(this.#permits.mayStart);
      this.#slots.giveBack();
      this.budget.report(this.#permits.mayCreate);
      await condition(
        () =>
          this.#isOver ||
          this.#canStart() ||
          this.#slots.mayGiveBack ||
          this.budget.hasNews(this.#permits.mayCreate) ||
          this.#defect !== undefined,
      );
      if (this.#defect !== undefined) return;
    }
  }

  #canStart(): boolean {
    return !this.#isDraining && this.#slots.free > 0 && this.#ledger.canStart(this.#permits.mayStart);
  }

  #startRow(mayStart: MayCreate): { readonly row: number; readonly ended: Promise<void> } | undefined {
    const row = this.#ledger.startNext(mayStart, Date.now());
    if (row === undefined) return undefined;
    const ended = this.#runRow(row);
    ended.catch(() => undefined);
    return { row, ended };
  }

  /** Rejects only on a bug of ours, which must stop the shard rather than leave a row behind. */
  async #runRow(row: number): Promise<void> {
    this.budget.start(row);
    try {
      await runRow(this.#rowContext, row);
    } catch (error) {
      this.#defect = error;
      throw error;
    }
  }
}
