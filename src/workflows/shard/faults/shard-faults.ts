import { workflowInfo } from '@temporalio/workflow';
import type { BatchFaultDetails, HoldScope } from '../../../domain/batch/holds.js';
import { JOBS_MISSING_CAUSE } from '../../../domain/batch/failure-rate.js';
import {
  RowFaults,
  type FaultStep,
  type FaultVerdict,
  type SucceededSteps,
} from '../../../domain/batch/row-faults.js';
import { FreeClock } from '../../free-clock.js';
import {
  doubtfulRows,
  leftToBuy,
  leftUnfinished,
  otherRows,
  replays,
  witnessRows,
  type ChoosableRows,
} from './other-rows.js';
import type { ShardReports } from '../messages/shard-reports.js';
import type { ShardBudget } from '../shard-budget.js';
import type { ShardHolds } from '../messages/shard-holds.js';
import type { RowProgress } from '../row-progress.js';
import type { ShardLedger } from '../row-states.js';
import type { ProbeCandidate, RowNeed, RunShardInput } from '../../protocol/shard-messages.js';

/** The faults of a shard's rows: whose fault each is, and which other rows let a probe find out. */
export class ShardFaults {
  readonly #input: RunShardInput;
  readonly #ledger: ShardLedger;
  readonly #holds: ShardHolds;
  readonly #budget: ShardBudget;
  readonly #reports: ShardReports;
  readonly #faults: RowFaults;
  readonly #clock: FreeClock;
  #callAnswered = 0;

  constructor(shard: {
    readonly input: RunShardInput;
    readonly ledger: ShardLedger;
    readonly holds: ShardHolds;
    readonly budget: ShardBudget;
    readonly reports: ShardReports;
  }) {
    this.#input = shard.input;
    this.#ledger = shard.ledger;
    this.#holds = shard.holds;
    this.#budget = shard.budget;
    this.#reports = shard.reports;
    this.#faults = new RowFaults(shard.input.resumed?.succeeded);
    this.#clock = new FreeClock(() => shard.holds.stops);
    this.#noteProbed(shard.holds.control.probed);
  }

  /** Takes the batch's last control, and answers its call. */
  take(): void {
    const { probed, call } = this.#holds.control;
    this.#clock.follow();
    this.#noteProbed(probed);
    if (!call || call.id <= this.#callAnswered) return;
    this.#callAnswered = call.id;
    const { shard, settings } = this.#input;
    const { rows } = this.#ledger;
    // Half of the horizon, so that a repeated create certainly finds its job.
    const replayFromMs = Date.now() - settings.idempotencyHorizonMs / 2;
    const others = this.#othersFor(call.need, undefined);
    const isRowsOwn = ({ fault, failedAlone }: Readonly<RowProgress>): boolean =>
      fault !== undefined && (failedAlone || this.#faults.isRowsOwn(fault));
    this.#reports.reportOffer({
      call: call.id,
      others,
      doubtful: others.length > 0 ? [] : doubtfulRows(this.#choosable, call.need),
      replays: replays({ shard, rows }, replayFromMs, call.need),
      leftToBuy: leftToBuy(rows, isRowsOwn),
      unfinished: leftUnfinished(rows, isRowsOwn),
    });
  }

  /** For the shard's next workflow run. */
  get succeeded(): SucceededSteps {
    return this.#faults.succeeded;
  }

  noteThrough(row: number, step: FaultStep): void {
    this.#faults.noteSuccess(step, Date.now());
    if (this.#ledger.rows[row]?.fault?.step === step) this.#ledger.noteFault(row, undefined);
  }

  judge(row: number, step: FaultStep, fault: BatchFaultDetails): FaultVerdict {
    const { cause, failedMs = 0, rowLimitMs } = fault;
    if (rowLimitMs === undefined || !mayBeRowsOwn(cause.scope)) return { kind: 'hold' };
    const nowMs = Date.now();
    const before = this.#ledger.rows[row]?.fault;
    const { fault: noted, verdict } = this.#faults.judge(row, before, {
      step,
      nowMs,
      failedMs,
      limitMs: rowLimitMs,
      failedAlone: this.#ledger.rows[row]?.failedAlone ?? false,
      clock: { id: workflowInfo().runId, ms: this.#clock.nowMs },
    });
    this.#ledger.noteFault(row, noted);
    return verdict;
  }

  /** Reports a fault to the batch, once per scope; false if it was reported before, or if the probe uses other rows. */
  raise({ cause }: BatchFaultDetails, candidate: ProbeCandidate, step: FaultStep): boolean {
    if (!mayBeRowsOwn(cause.scope)) {
      const others = KEY_FAULTS.has(cause.code)
        ? witnessRows({ shard: this.#input.shard, rows: this.#ledger.rows }, -Infinity, candidate.row)
        : [];
      return this.#reports.reportFault(cause, { candidate, others });
    }
    if (this.#holds.isHeld([cause.scope])) return false;
    const need: RowNeed = { kind: 'step', step };
    const others = this.#othersFor(need, candidate.row);
    const isReported = this.#reports.reportFault(cause, { candidate, others, need });
    this.#clock.follow();
    return isReported;
  }

  /** Reports to the batch that a job is missing, and that no witness shows that the service knows later ones. */
  raiseMissing(candidate: ProbeCandidate): void {
    if (this.#holds.isHeld([JOBS_MISSING_CAUSE.scope])) return;
    const madeFromMs = this.#ledger.rows[candidate.row]?.jobByMs ?? Date.now();
    const need: RowNeed = { kind: 'witness', madeFromMs };
    const others = this.#othersFor(need, candidate.row);
    this.#reports.reportFault(JOBS_MISSING_CAUSE, { candidate, others, need });
    this.#clock.follow();
  }

  #noteProbed(probed: SucceededSteps = {}): void {
    for (const [step, atMs] of Object.entries(probed)) {
      // Object keys lose their type.
      this.#faults.noteSuccess(step as FaultStep, atMs);
    }
  }

  #othersFor(need: RowNeed, except: number | undefined): readonly ProbeCandidate[] {
    return otherRows(this.#choosable, need, except);
  }

  get #choosable(): ChoosableRows {
    return {
      shard: this.#input.shard,
      rows: this.#ledger.rows,
      mostCreates: this.#budget.mostForProbe,
      reserve: (row) => this.#budget.reserveForProbe(row),
    };
  }
}

/** Faults that a new key may end; jobs of the batch prove that it belongs to the same account. */
const KEY_FAULTS: ReadonlySet<string> = new Set(['unauthorized', 'wrong-account']);

/** Faults of account and bucket are never a single row's. */
function mayBeRowsOwn(scope: HoldScope): boolean {
  return scope === 'service' || scope.startsWith('model:');
}
