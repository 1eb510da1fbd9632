import { firstSlots, MAX_SHARD_WINDOW, windowSize, type OpenShard } from '../../domain/batch/window.js';
import {
  type BudgetControl,
  type ProbedRow,
  type RowCall,
  type ShardControl,
  type ShardReport,
  type ShardSender,
} from '../protocol/shard-messages.js';

/** A running shard, as its batch knows it. */
export interface RunningShard extends OpenShard {
  readonly rows: number;
  /** Increases with every workflow that works on the shard in place of another: what that one counted is void. */
  readonly execution: number;
  /** The first run of the child whose end Temporal reports; undefined before its start, and if the shard is adopted. */
  readonly childRunId: string | undefined;
  /** The shard can receive signals. */
  readonly isStarted: boolean;
  /** The running shard is no child of this workflow run: this, or the shard, was reset. */
  readonly isAdopted: boolean;
  readonly controlSeq: number;
  /** The last report of this execution that was taken; 0: none. */
  readonly reportTaken: number;
  /** Of all reports: the id of the last fault, and when the last 429 was met. */
  readonly faultTaken: number;
  readonly slowDownMs: number;
  /** Results of probes for its rows, each with the first control that had it. */
  readonly probedRows: readonly { readonly probed: ProbedRow; readonly since: number }[];
  readonly trial: number;
  /** The last call for rows that was sent to the shard. */
  readonly call?: RowCall;
  /** Something changed before the shard could receive signals. */
  readonly untold: boolean;
}

/** How a shard is to be started. */
export interface ShardStart {
  readonly shard: number;
  readonly rows: number;
  readonly granted: number;
}

/** The part of the control that is the same for all shards. */
export type CommonControl = Pick<
  ShardControl,
  | 'paused'
  | 'cancelling'
  | 'heldScopes'
  | 'holdSeq'
  | 'maxFailureRate'
  | 'missingAcceptedMs'
  | 'witness'
  | 'probed'
  | 'createsNotBeforeMs'
>;

/** The running shards of a batch, and the controls that they get. */
export class OpenShards {
  readonly #shards = new Map<number, RunningShard>();
  readonly #common: () => CommonControl;
  readonly #budgetOf: (shard: number) => BudgetControl | undefined;
  readonly #send: (shard: number, control: ShardControl) => void;
  readonly #runId: () => string;

  constructor(batch: {
    readonly common: () => CommonControl;
    readonly budgetOf: (shard: number) => BudgetControl | undefined;
    /** Sends a control to a shard. Must not throw. */
    readonly send: (shard: number, control: ShardControl) => void;
    /** The batch's workflow run. */
    readonly runId: () => string;
  }) {
    this.#common = batch.common;
    this.#budgetOf = batch.budgetOf;
    this.#send = batch.send;
    this.#runId = batch.runId;
  }

  get all(): readonly RunningShard[] {
    return [...this.#shards.values()];
  }

  get(shard: number): RunningShard | undefined {
    return this.#shards.get(shard);
  }

  /** Registers a shard that is about to be started, and returns the control for its input. */
  open({ shard, rows, granted }: ShardStart): ShardControl {
    const before = this.#shards.get(shard);
    const controlSeq = nextSeq(before?.controlSeq);
    const execution = (before?.execution ?? 0) + 1;
    const slots = firstSlots(granted);
    this.#shards.set(shard, { ...UNHEARD, shard, rows, execution, slots, controlSeq });
    return this.#controlFor(shard);
  }

  /** Records that a child has started with the control of its input, and sends what changed since. */
  started(shard: number, { slots, seq }: ShardControl, childRunId: string): void {
    const running = this.#shards.get(shard);
    const controlSeq = Math.max(seq, running?.controlSeq ?? 0);
    this.#change(shard, { slots, controlSeq, childRunId, isStarted: true, isAdopted: false, untold: false });
    if (running?.untold) this.sendTo(shard);
  }

  /** Records that another workflow than the awaited child reports, and counts anew what that one has. */
  replaced(shard: number): void {
    const execution = (this.#shards.get(shard)?.execution ?? 0) + 1;
    const slots = firstSlots(this.windowOf(shard));
    const unheard = { exhausted: false, reportTaken: 0, faultTaken: 0, childRunId: undefined };
    this.#change(shard, { ...unheard, execution, slots });
  }

  /** Whether a report comes from another workflow than the awaited child. */
  isOfOther({ shard, firstRunId }: ShardSender): boolean {
    const childRunId = this.#shards.get(shard)?.childRunId;
    return childRunId !== undefined && childRunId !== firstRunId;
  }

  /** Registers a running shard that this batch started before a reset, and sends it the new parent's control. */
  adopted(shard: number): void {
    const running = this.#shards.get(shard);
    this.#change(shard, { isStarted: true, isAdopted: true, untold: false });
    if (running?.untold || !running?.isAdopted) this.sendTo(shard);
  }

  /** Records that an adopted shard has ended. */
  adoptedEnded(shard: number): void {
    this.#change(shard, { isStarted: false, isAdopted: false });
  }

  /** The control for the input of the next execution, once none is running. Nothing is sent until it has started, or one is found to be running. */
  controlOfNext(shard: number): ShardControl {
    this.#change(shard, { isStarted: false });
    const seq = nextSeq(this.#shards.get(shard)?.controlSeq);
    const slots = firstSlots(this.windowOf(shard));
    return { ...this.#controlFor(shard), seq, slots, isAdopted: false };
  }

  /** Slots with which the next execution of a shard may start: those that the last one returned may have been given to others. */
  windowOf(shard: number): number {
    const running = this.#shards.get(shard);
    return running ? windowSize(running.slots) : 0;
  }

  close(shard: number): void {
    this.#shards.delete(shard);
  }

  /** Raises a shard's number of granted slots, and sends it. */
  grant(shard: number, granted: number): void {
    this.#changeSlots(shard, { granted, keep: MAX_SHARD_WINDOW });
    this.sendTo(shard);
  }

  /** Changes how many slots a shard keeps, and sends it. */
  limit(shard: number, keep: number): void {
    this.#changeSlots(shard, { keep });
    this.sendTo(shard);
  }

  /** Takes a report; false if a later one of that execution was taken before, or if it is of another one. */
  takeReport(from: ShardReport): boolean {
    const { shard, execution, seq, slotsReturned, ...report } = from;
    const running = this.#shards.get(shard);
    if (running?.execution !== execution || seq <= running.reportTaken || this.isOfOther(from)) return false;
    this.#changeSlots(shard, { returned: Math.max(slotsReturned, running.slots.returned) });
    this.#change(shard, {
      reportTaken: seq,
      exhausted: running.exhausted || report.exhausted,
      faultTaken: Math.max(running.faultTaken, ...report.faults.map(({ id }) => id)),
      slowDownMs: Math.max(running.slowDownMs, report.slowDown?.metAtMs ?? 0),
      probedRows: running.probedRows.filter(({ since }) => since > report.controlTaken),
    });
    return true;
  }

  /** Allows a shard one create despite the failure rate. */
  allowTrial(shard: number, trial: number): void {
    this.#change(shard, { trial });
    this.sendTo(shard);
  }

  /** Asks a shard for rows that a probe can use. */
  callRows(shard: number, call: RowCall): void {
    this.#change(shard, { call });
    this.sendTo(shard);
  }

  sendControl(): void {
    for (const shard of this.#shards.keys()) this.sendTo(shard);
  }

  sendTo(shard: number): void {
    const running = this.#shards.get(shard);
    if (!running) return;
    if (!running.isStarted) {
      this.#change(shard, { untold: true });
      return;
    }
    this.#change(shard, { controlSeq: nextSeq(running.controlSeq) });
    this.#send(shard, this.#controlFor(shard));
  }

  /** Sends the result of a probe to the row's shard, until a report shows that it has arrived. */
  deliver(shard: number, probed: ProbedRow): void {
    const running = this.#shards.get(shard);
    if (!running) return;
    const since = nextSeq(running.controlSeq);
    this.#change(shard, { probedRows: [...running.probedRows, { probed, since }] });
    this.sendTo(shard);
  }

  #changeSlots(shard: number, change: Partial<RunningShard['slots']>): void {
    const running = this.#shards.get(shard);
    if (running) this.#change(shard, { slots: { ...running.slots, ...change } });
  }

  #change(shard: number, change: Partial<RunningShard>): void {
    const running = this.#shards.get(shard);
    if (running) this.#shards.set(shard, { ...running, ...change });
  }

  #controlFor(shard: number): ShardControl {
    const running = this.#shards.get(shard);
    const budget = this.#budgetOf(shard);
    return {
      ...this.#common(),
      ...(budget && { budget }),
      seq: running?.controlSeq ?? 0,
      slots: running?.slots ?? firstSlots(0),
      execution: running?.execution ?? 1,
      parentRunId: this.#runId(),
      isAdopted: running?.isAdopted ?? false,
      trial: running?.trial ?? 0,
      ...(running?.call && { call: running.call }),
      probedRows: (running?.probedRows ?? []).map(({ probed }) => probed),
      reportTaken: running?.reportTaken ?? 0,
    };
  }
}

/** A shard of which nothing was heard yet. */
const UNHEARD = {
  childRunId: undefined,
  isStarted: false,
  isAdopted: false,
  exhausted: false,
  reportTaken: 0,
  faultTaken: 0,
  slowDownMs: 0,
  probedRows: [],
  trial: 0,
  untold: false,
} as const;

/** Also increases after a reset to lower numbers, since the workflow's clock is later then. */
function nextSeq(last: number | undefined): number {
  return Math.max((last ?? 0) + 1, Date.now());
}
