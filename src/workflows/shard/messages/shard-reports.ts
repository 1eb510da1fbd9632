import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import type { LeaseReport } from '../../../domain/money/budget.js';
import type { HoldCause } from '../../../domain/batch/holds.js';
import { throughBatchFaults } from '../../activity-proxies.js';
import {
  reportSignal,
  type ResumedShard,
  type RowOffer,
  type RunShardInput,
  type ShardControl,
  type ShardFault,
  type TrialEnd,
} from '../../protocol/shard-messages.js';
import { ReportContents } from './report-contents.js';
import type { ShardHolds } from './shard-holds.js';

/**
 * Sends the reports of a shard to its batch. However much changes in one workflow task, one report has all of it.
 * Undeliverable ones are only logged: the batch has ended then. They are cancelled only with the scope in which this was
 * made.
 */
export class ShardReports {
  readonly #holds: ShardHolds;
  readonly #contents: ReportContents;
  readonly #scope = CancellationScope.current();
  #isDue = false;
  #underWay = 0;

  constructor({ run, shard, resumed }: RunShardInput, holds: ShardHolds) {
    this.#holds = holds;
    const { firstExecutionRunId: firstRunId } = workflowInfo();
    this.#contents = new ReportContents({ runSeq: run.runSeq, shard, firstRunId }, holds, resumed);
  }

  /** For the next workflow run of the shard, once every report has arrived. */
  get left(): Pick<ResumedShard, 'slotsReturned' | 'reportSeq' | 'faultMet'> {
    return this.#contents.left;
  }

  /** Whether every report has arrived. Temporal drops those of a workflow run that ends at the same moment. */
  get haveArrived(): boolean {
    return !this.#isDue && this.#underWay === 0;
  }

  /** Takes a control; false if it is older than the last. A batch that does not know this shard's state hears everything again. */
  take(control: ShardControl): boolean {
    const taken = this.#contents.take(control);
    if (taken === 'unheard') this.#change();
    return taken !== 'old';
  }

  /** Reports a fault, once per scope; false if it was reported before. */
  reportFault(cause: HoldCause, rows: Pick<ShardFault, 'candidate' | 'others' | 'need'> = {}): boolean {
    if (!this.#contents.addFault(cause, rows, Date.now())) return false;
    this.#change();
    return true;
  }

  /** Reports the slots that were returned so far. */
  reportSlots(exhausted: boolean): void {
    if (exhausted) this.#contents.exhaust();
    this.#change();
  }

  /** Reports the state of the shard's lease. */
  reportLease(lease: LeaseReport): void {
    this.#contents.lease = lease;
    this.#change();
  }

  /** Reports that a create just met a 429 and must wait this long. */
  reportSlowDown(waitMs: number): void {
    const metAtMs = Date.now();
    this.#contents.slowDown = { metAtMs, untilMs: metAtMs + waitMs };
    this.#change();
  }

  /** Answers a call for rows. */
  reportOffer(offer: RowOffer): void {
    this.#contents.offer = offer;
    this.#change();
  }

  reportTrial(trial: number, verdict: TrialEnd['verdict']): void {
    this.#contents.trialEnd = { trial, verdict };
    this.#change();
  }

  /** Reports the end of the shard if Temporal may not report it to the batch. */
  reportEnd(): void {
    const { runId, firstExecutionRunId } = workflowInfo();
    // A workflow run that was reset may be no child of the batch.
    if (!this.#holds.control.isAdopted && runId === firstExecutionRunId) return;
    this.#contents.end();
    this.#change();
  }

  #change(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    // After all messages and results of this workflow task.
    void Promise.resolve().then(() => this.#scope.run(() => this.#send()));
  }

  async #send(): Promise<void> {
    this.#isDue = false;
    const { parent } = workflowInfo();
    if (!parent) throw new Error('A shard runs only as the child of a batch.');
    this.#underWay += 1;
    try {
      const report = this.#contents.next(Date.now());
      await getExternalWorkflowHandle(parent.workflowId).signal(reportSignal, report);
    } catch (error) {
      log.warn('A report to the batch could not be sent.', { error });
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** Repeats an activity that concerns no single row until it succeeds; a fault of the bucket only delays it. */
export function throughShardHolds<T>(
  reports: ShardReports,
  holds: ShardHolds,
  call: () => Promise<T>,
): Promise<T> {
  return throughBatchFaults(call, ({ cause }) => {
    reports.reportFault(cause);
    return condition(() => !holds.isHeld([cause.scope]));
  });
}
