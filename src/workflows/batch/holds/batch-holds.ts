import type { RunRef } from '../../../storage/layout.js';
import { CancellationScope, log } from '@temporalio/workflow';
import type { Activities } from '../../protocol/activities.js';
import {
  isHeld,
  JOBS_MISSING,
  NO_HOLDS,
  raiseHold,
  releaseHold,
  type Hold,
  type HoldCause,
  type HoldScope,
  type HoldState,
} from '../../../domain/batch/holds.js';
import type { JobId } from '../../../domain/rows/ids.js';
import type { SucceededSteps } from '../../../domain/batch/row-faults.js';
import type { FailureTrials } from './failure-trials.js';
import { HoldReleases } from './hold-releases.js';
import { isOnlyMade, ProbeGrowth, probeOnce, type ProbeEnd } from './hold-probe.js';
import { ProbeTargets } from './probe-targets.js';
import type { ResumedBatch } from '../../protocol/batch-messages.js';
import type { OpenShards } from '../open-shards.js';
import { RowCalls } from './row-calls.js';
import type { ProbedRow, ShardControl, ShardFault, Witness } from '../../protocol/shard-messages.js';

/** The fault that caused a hold, and the rows that a probe may use. */
type MetFault = Pick<ShardFault, 'candidate' | 'others' | 'need'>;

/** The holds of a batch. Each is ended by one probe. */
export class BatchHolds {
  readonly #run: RunRef;
  readonly #idempotencyHorizonMs: number;
  readonly #probeFirstMs: number;
  readonly #probe: Activities['probe'];
  readonly #onChange: () => void;
  readonly #deliver: (shard: number, probed: ProbedRow) => void;
  readonly #trials: FailureTrials;
  readonly #shield = CancellationScope.current();
  readonly #releases: HoldReleases;
  #state: HoldState = NO_HOLDS;
  #probes = new CancellationScope();
  /** The active hold of each scope: the hold state that began it, and the fault that caused it. */
  readonly #inForce = new Map<HoldScope, { readonly hold: number; readonly met: MetFault }>();
  /** Takes the rows that shards offer for a probe. */
  readonly calls: RowCalls;
  #witness: Witness | undefined;
  #missingAcceptedMs: number | undefined;
  /** Whether the account ran out of funds since the batch's run began; for the final report. */
  funds: Pick<ResumedBatch, 'ranOutOfFunds'>;
  #probed: SucceededSteps = {};
  readonly #loops = new Map<HoldScope, Promise<void>>();
  #nextTrialAt: string | undefined;
  #buying = true;
  #buyers = 0;
  #open = true;

  /** Call within a scope that nothing cancels. */
  constructor(options: {
    readonly run: RunRef;
    readonly idempotencyHorizonMs: number;
    readonly probeFirstMs: number;
    readonly probeLongestMs: number;
    readonly probe: Activities['probe'];
    /** Called after every change of `current` and `isBuying`. */
    readonly onChange: () => void;
    /** Sends the result of a probe to the row that it used. */
    readonly deliver: (shard: number, probed: ProbedRow) => void;
    /** Ends the hold of the failure rate. */
    readonly trials: FailureTrials;
    /** Asked for other rows when the row that met the fault is not enough. */
    readonly shards: Pick<OpenShards, 'all' | 'callRows'>;
    readonly resumed: Pick<ResumedBatch, 'missingAcceptedMs' | 'ranOutOfFunds'> | undefined;
  }) {
    this.#run = options.run;
    this.#idempotencyHorizonMs = options.idempotencyHorizonMs;
    this.#probeFirstMs = options.probeFirstMs;
    this.#releases = new HoldReleases(options);
    this.#probe = options.probe;
    this.#onChange = options.onChange;
    this.#deliver = options.deliver;
    this.#trials = options.trials;
    this.calls = new RowCalls(options.shards);
    this.#missingAcceptedMs = options.resumed?.missingAcceptedMs;
    this.funds = options.resumed?.ranOutOfFunds ? { ranOutOfFunds: true } : {};
  }

  get current(): readonly Hold[] {
    const nextTrialAt = this.#nextTrialAt;
    return this.#state.holds.map((hold) =>
      hold.scope === 'failure-rate' && nextTrialAt ? { ...hold, nextTrialAt } : hold,
    );
  }

  get seq(): number {
    return this.#state.seq;
  }

  /** Results of probes, for the shards. */
  get shown(): Pick<ShardControl, 'witness' | 'probed' | 'missingAcceptedMs'> {
    return { ...this.#accepted, ...(this.#witness && { witness: this.#witness }), probed: this.#probed };
  }

  /** For the batch's next workflow run. */
  get left(): Pick<ResumedBatch, 'missingAcceptedMs' | 'ranOutOfFunds'> {
    return { ...this.#accepted, ...this.funds };
  }

  get #accepted(): Pick<ResumedBatch, 'missingAcceptedMs'> {
    return this.#missingAcceptedMs === undefined ? {} : { missingAcceptedMs: this.#missingAcceptedMs };
  }

  /** Whether a running probe may still have bought a job for a row. */
  get isBuying(): boolean {
    return this.#buyers > 0;
  }

  /** The job of the row that met a scope's fault; undefined if the row had none. */
  jobBehind(scope: HoldScope): JobId | undefined {
    return this.#inForce.get(scope)?.met.candidate?.jobId;
  }

  isHeld(scope: HoldScope): boolean {
    return isHeld(this.#state, scope);
  }

  /** Holds the scope of the cause until the cause has ended. A fault older than the scope's last release has no effect. */
  raise(cause: HoldCause, seenSeq: number, met: MetFault = {}): void {
    if (cause.code === 'insufficient-balance') this.funds = { ranOutOfFunds: true };
    const next = raiseHold(this.#state, cause, { seenSeq, now: new Date().toISOString() });
    if (next === this.#state) return;
    this.#state = next;
    this.#inForce.set(cause.scope, { hold: next.seq, met });
    const before = this.#loops.get(cause.scope);
    const until = async (): Promise<void> => {
      // The probe of a hold that a person ended may still be running; a scope has only one.
      await before;
      if (cause.scope === 'failure-rate') await this.#tryUntilEnded(cause, next.seq);
      else await this.#probeUntilEnded(cause, met, next.seq);
    };
    const loop = this.#shield.run(until);
    this.#loops.set(cause.scope, loop);
    loop.catch((error: unknown) => {
      log.error('Unexpected error while a hold was checked.', { scope: cause.scope, error });
      throw error;
    });
    this.#onChange();
  }

  /** Takes a shard's fault. True if its scope is held now: the shard is then notified when the hold ends. */
  take(fault: ShardFault): boolean {
    const { cause, holdSeq } = fault;
    this.raise(cause, holdSeq, fault);
    return this.isHeld(cause.scope);
  }

  /** Ends the holds that only a person can judge. Jobs missing by now are accepted as gone. */
  releaseJudged(): void {
    this.release('failure-rate');
    if (!this.current.some(({ code }) => code === JOBS_MISSING)) return;
    this.#missingAcceptedMs = Date.now();
    this.release('account');
  }

  /** Ends a scope's hold on a person's request, whatever the cause. */
  release(scope: HoldScope): void {
    if (!this.isHeld(scope)) return;
    this.#end(scope);
    this.#restartProbes();
  }

  #end(scope: HoldScope): void {
    this.#state = releaseHold(this.#state, scope);
    this.#inForce.delete(scope);
    this.#onChange();
  }

  /** From now on probes only read: nothing more is bought once `isBuying` is false. */
  stopBuying(): void {
    this.#buying = false;
    this.#restartProbes();
  }

  /** Lets probes buy again; each checks at once. */
  startBuying(): void {
    this.#buying = true;
    this.#restartProbes();
  }

  #restartProbes(): void {
    const before = this.#probes;
    this.#probes = new CancellationScope({ cancellable: true, parent: this.#shield });
    before.cancel();
  }

  /** Ends the remaining probes when no row needs them any more. */
  close(): void {
    this.#open = false;
    this.#probes.cancel();
  }

  #isInForce(scope: HoldScope, hold: number): boolean {
    return this.#open && this.#inForce.get(scope)?.hold === hold;
  }

  async #tryUntilEnded(cause: HoldCause, hold: number): Promise<void> {
    await this.#trials.untilImage(
      () => this.#isInForce(cause.scope, hold),
      (untilMs) => {
        this.#nextTrialAt = new Date(untilMs).toISOString();
      },
    );
    if (this.#isInForce(cause.scope, hold)) this.#end(cause.scope);
  }

  async #probeUntilEnded(cause: HoldCause, met: MetFault, hold: number): Promise<void> {
    let firstLookAfterMs = Math.max(this.#releases.firstLookAfterMs(cause.scope), cause.retryAfterMs ?? 0);
    const waitedMs = firstLookAfterMs;
    const heldSinceMs = Date.now();
    const isInForce = (): boolean => this.#isInForce(cause.scope, hold);
    const targets = new ProbeTargets(cause, met);
    let isShown = false;
    const growth = new ProbeGrowth(targets, this.#probeFirstMs);
    for (let ended = false; isInForce() && !ended;) {
      if (met.need && targets.wantsOthers) {
        const isLater = growth.hasEnded;
        const how = { mayReplay: cause.scope === 'service', isLater, isWanted: isInForce };
        targets.take(await this.calls.othersFor(met.need, how));
      }
      const candidates = targets.next(this.#buying);
      const buys = candidates.some(({ jobId }) => jobId === undefined);
      if (buys) this.#buyers += 1;
      const scope = new CancellationScope({ cancellable: true, parent: this.#probes });
      if (met.need && targets.mayGrow) growth.endLater(scope);
      const probed = await probeOnce(
        scope,
        this.#probe,
        {
          run: this.#run,
          cause,
          candidates,
          idempotencyHorizonMs: this.#idempotencyHorizonMs,
          ...(met.need?.kind === 'step' && { step: met.need.step }),
          heldSinceMs,
          firstLookAfterMs,
        },
        this.#probeFirstMs,
      );
      scope.cancel();
      this.#takeIn(targets, probed);
      if (buys) {
        this.#buyers -= 1;
        if (!this.#buying) this.#onChange();
      }
      // A new job must first be answered, or its image stored.
      const isUnseen = cause.code === JOBS_MISSING && probed.by !== undefined && !probed.isThrough;
      ended = probed.ended && !isUnseen && !isOnlyMade(probed, met.need);
      if (ended) isShown = this.#noteShown(targets, met, probed);
      firstLookAfterMs =
        probed.ended && !ended && !probed.jobId ? this.#probeFirstMs : probed.lookAgainAfterMs;
    }
    if (!isInForce()) return;
    // By then it is known whose fault it was.
    this.#releases.note(cause.scope, isShown ? 0 : waitedMs);
    this.#end(cause.scope);
  }

  /** Sends the results of a probe to its rows. */
  #takeIn(targets: ProbeTargets, { by, jobId, unansweredSinceMs }: ProbeEnd): void {
    if (jobId === undefined && unansweredSinceMs === undefined) return;
    const news = {
      ...(jobId && { jobId }),
      ...(unansweredSinceMs !== undefined && { unansweredSinceMs }),
    };
    for (const target of by ?? []) {
      const { shard, row, generation } = target;
      targets.note(target, news, Date.now());
      this.#deliver(shard, { row, generation, ...news });
    }
  }

  /** Records what has shown that the fault is not everybody's; false if nothing has. */
  #noteShown(
    targets: ProbeTargets,
    { need }: MetFault,
    { by, isThrough, isThroughElsewhere }: ProbeEnd,
  ): boolean {
    const [target] = by ?? [];
    const isByOther = isThrough && target && !targets.isFailed(target);
    if (need?.kind === 'step' && (isByOther || isThroughElsewhere || targets.isForNobody)) {
      this.#probed = { ...this.#probed, [need.step]: Date.now() };
      return true;
    }
    if (need?.kind !== 'witness' || !isByOther) return false;
    const { jobId, madeMs } = target;
    if (jobId && madeMs !== undefined) this.#witness = { jobId, madeMs };
    return true;
  }
}
