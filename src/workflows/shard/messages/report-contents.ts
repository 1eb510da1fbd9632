import type { LeaseReport } from '../../../domain/money/budget.js';
import type { HoldCause } from '../../../domain/batch/holds.js';
import type { SlowPeriod } from '../../../domain/time/pace.js';
import type {
  ResumedShard,
  RowOffer,
  ShardControl,
  ShardFault,
  ShardReport,
  ShardSender,
  TrialEnd,
} from '../../protocol/shard-messages.js';
import type { ShardHolds } from './shard-holds.js';

/** What happens once, and must be reported until the batch has taken it. */
interface Once<T> {
  readonly item: T;
  /** The first report that had it; undefined before that. */
  readonly report: number | undefined;
}

/** What the reports of a shard say. Pure: time is given. */
export class ReportContents {
  readonly #sender: Omit<ShardSender, 'execution'>;
  readonly #holds: ShardHolds;
  #seq: number;
  #faultMet: number;
  #exhausted = false;
  #isOver = false;
  #lease: LeaseReport | undefined;
  #faults: readonly Once<ShardFault>[] = [];
  #slowDown: Once<SlowPeriod> | undefined;
  #offer: Once<RowOffer> | undefined;
  #trialEnd: Once<TrialEnd> | undefined;

  constructor(
    sender: Omit<ShardSender, 'execution'>,
    holds: ShardHolds,
    resumed?: Pick<ResumedShard, 'reportSeq' | 'faultMet'>,
  ) {
    this.#sender = sender;
    this.#holds = holds;
    this.#seq = resumed?.reportSeq ?? 0;
    this.#faultMet = resumed?.faultMet ?? 0;
  }

  /** For the next workflow run of the shard, once every report has arrived. */
  get left(): Pick<ResumedShard, 'slotsReturned' | 'reportSeq' | 'faultMet'> {
    return { slotsReturned: this.#holds.returned, reportSeq: this.#seq, faultMet: this.#faultMet };
  }

  /**
   * Takes a control; `old` if it is older than the last, `unheard` if the batch must hear everything again: it was reset,
   * or expected another execution of the shard.
   */
  take(control: ShardControl): 'taken' | 'old' | 'unheard' {
    const { countedBy, control: before } = this.#holds;
    if (!this.#holds.take(control)) return 'old';
    const isNewParent = control.parentRunId !== before.parentRunId;
    const isTaken = (one: Once<unknown> | undefined): boolean =>
      one?.report !== undefined && one.report <= control.reportTaken;
    // A fault that a new parent may not know is met again if it persists.
    const isKnown = (fault: Once<ShardFault>): boolean => isNewParent || isTaken(fault);
    for (const { item } of this.#faults.filter(isKnown)) this.#holds.leave(item.cause.scope);
    this.#faults = this.#faults.filter((fault) => !isKnown(fault));
    if (this.#holds.countedBy !== countedBy) return 'unheard';
    if (isTaken(this.#slowDown)) this.#slowDown = undefined;
    if (isTaken(this.#offer)) this.#offer = undefined;
    if (isTaken(this.#trialEnd)) this.#trialEnd = undefined;
    return 'taken';
  }

  /** Notes a fault, once per scope, which holds that scope in the shard until the batch has taken it; false if it is held already. */
  addFault(
    cause: HoldCause,
    rows: Pick<ShardFault, 'candidate' | 'others' | 'need'>,
    nowMs: number,
  ): boolean {
    if (this.#holds.isHeld([cause.scope])) return false;
    const { holdSeq } = this.#holds;
    this.#holds.hold(cause.scope);
    this.#faultMet = Math.max(this.#faultMet + 1, nowMs);
    const item = { id: this.#faultMet, cause, holdSeq, ...rows };
    this.#faults = [...this.#faults, { item, report: undefined }];
    return true;
  }

  /** The shard has started its last row. */
  exhaust(): void {
    this.#exhausted = true;
  }

  end(): void {
    this.#isOver = true;
  }

  set lease(lease: LeaseReport) {
    this.#lease = lease;
  }

  set slowDown(item: SlowPeriod) {
    this.#slowDown = { item, report: undefined };
  }

  set offer(item: RowOffer) {
    this.#offer = { item, report: undefined };
  }

  set trialEnd(item: TrialEnd) {
    this.#trialEnd = { item, report: undefined };
  }

  /** The next report. */
  next(nowMs: number): ShardReport {
    const { control, returned } = this.#holds;
    this.#seq = Math.max(this.#seq + 1, nowMs);
    const sent = <T>(one: Once<T>): Once<T> => ({ ...one, report: one.report ?? this.#seq });
    this.#faults = this.#faults.map(sent);
    this.#slowDown &&= sent(this.#slowDown);
    this.#offer &&= sent(this.#offer);
    this.#trialEnd &&= sent(this.#trialEnd);
    return {
      ...this.#sender,
      execution: control.execution,
      seq: this.#seq,
      controlTaken: control.seq,
      slotsReturned: returned,
      exhausted: this.#exhausted,
      ...(this.#lease && { lease: this.#lease }),
      faults: this.#faults.map(({ item }) => item),
      ...(this.#slowDown && { slowDown: this.#slowDown.item }),
      ...(this.#offer && { offer: this.#offer.item }),
      ...(this.#trialEnd && { trialEnd: this.#trialEnd.item }),
      ...(this.#isOver && { isOver: true }),
    };
  }
}
