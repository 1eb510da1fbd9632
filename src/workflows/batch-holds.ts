import type { RunRef } from '../storage/layout.js';
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  log,
} from '@temporalio/workflow';
import type { Activities, ProbeResult, StillHeldDetails } from '../activities/types.js';
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
} from '../domain/holds.js';
import type { JobId } from '../domain/ids.js';
import type { FailureTrials } from './failure-trials.js';
import type { ProbeCandidate, ProbedRow, ShardFault } from './shard-messages.js';

/** When a scope was released last, and how long its last hold waited for the first look. */
interface Release {
  readonly atMs: number;
  readonly firstLookAfterMs: number;
}

/** A hold that comes back this soon after its release shows that the probe looked at the wrong thing. */
const SAME_HOLD_MS = 5 * 60_000;

/** The holds of a batch, each with the one probe that ends it. */
export class BatchHolds {
  readonly #run: RunRef;
  readonly #idempotencyHorizonMs: number;
  readonly #probeFirstMs: number;
  readonly #probeLongestMs: number;
  readonly #probe: Activities['probe'];
  readonly #onChange: () => void;
  readonly #deliver: (shard: number, probed: ProbedRow) => Promise<void>;
  readonly #trials: FailureTrials;
  readonly #shield = CancellationScope.current();
  readonly #releases = new Map<HoldScope, Release>();
  #state: HoldState = NO_HOLDS;
  #probes = new CancellationScope();
  /** Which hold of a scope is in force, by the state that it came with, and the row that met its cause. */
  readonly #inForce = new Map<
    HoldScope,
    { readonly hold: number; readonly candidate: ProbeCandidate | undefined }
  >();
  readonly #loops = new Map<HoldScope, Promise<void>>();
  #nextTrialAt: string | undefined;
  #buying = true;
  #buyers = 0;
  #open = true;

  /** To be made within a scope that nothing cancels. */
  constructor(options: {
    readonly run: RunRef;
    readonly idempotencyHorizonMs: number;
    readonly probeFirstMs: number;
    readonly probeLongestMs: number;
    readonly probe: Activities['probe'];
    /** Called after every change of `current` and `isBuying`. */
    readonly onChange: () => void;
    /** Hands what a probe did for a row to the row. Must not reject. */
    readonly deliver: (shard: number, probed: ProbedRow) => Promise<void>;
    /** Ends the hold of the failure rate. */
    readonly trials: FailureTrials;
  }) {
    this.#run = options.run;
    this.#idempotencyHorizonMs = options.idempotencyHorizonMs;
    this.#probeFirstMs = options.probeFirstMs;
    this.#probeLongestMs = options.probeLongestMs;
    this.#probe = options.probe;
    this.#onChange = options.onChange;
    this.#deliver = options.deliver;
    this.#trials = options.trials;
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

  /** Whether a probe may yet come back with a job that it bought for a row. */
  get isBuying(): boolean {
    return this.#buyers > 0;
  }

  /** The job of the row that met a scope's fault, where it had one. */
  jobBehind(scope: HoldScope): JobId | undefined {
    return this.#inForce.get(scope)?.candidate?.jobId;
  }

  isHeld(scope: HoldScope): boolean {
    return isHeld(this.#state, scope);
  }

  /** Holds the cause's scope until the cause has ended; a fault older than the scope's last release changes nothing. */
  raise(cause: HoldCause, seenSeq: number, candidate: ProbeCandidate | undefined): void {
    const next = raiseHold(this.#state, cause, { seenSeq, now: new Date().toISOString() });
    if (next === this.#state) return;
    this.#state = next;
    this.#inForce.set(cause.scope, { hold: next.seq, candidate });
    const before = this.#loops.get(cause.scope);
    const until = async (): Promise<void> => {
      // The probe of a hold that a person ended may still be under way; there is one a scope.
      await before;
      if (cause.scope === 'failure-rate') await this.#tryUntilEnded(cause, next.seq);
      else await this.#probeUntilEnded(cause, candidate, next.seq);
    };
    const loop = this.#shield.run(until);
    this.#loops.set(cause.scope, loop);
    loop.catch((error: unknown) => {
      log.error('A hold ended in a way that was not foreseen.', { scope: cause.scope, error });
      throw error;
    });
    this.#onChange();
  }

  /** Takes in a shard's fault; whether its scope is held now: then its shard hears of it when that ends. */
  take({ cause, holdSeq, candidate }: ShardFault): boolean {
    this.raise(cause, holdSeq, candidate);
    return this.isHeld(cause.scope);
  }

  /** Ends the holds that only a person can judge; true where jobs are missing, and are to be taken for gone. */
  releaseJudged(): boolean {
    this.release('failure-rate');
    const isMissing = this.current.some(({ code }) => code === JOBS_MISSING);
    if (isMissing) this.release('account');
    return isMissing;
  }

  /** Ends a scope's hold because a person says so, whatever its cause. */
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

  /** From now on probes only look: nothing more is bought once `isBuying` is false. */
  stopBuying(): void {
    this.#buying = false;
    this.#restartProbes();
  }

  /** Probes may buy again, and each looks at once. */
  startBuying(): void {
    this.#buying = true;
    this.#restartProbes();
  }

  #restartProbes(): void {
    const before = this.#probes;
    this.#probes = new CancellationScope({ cancellable: true, parent: this.#shield });
    before.cancel();
  }

  /** Ends the probes that are left when no row needs them any more. */
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

  async #probeUntilEnded(
    cause: HoldCause,
    candidate: ProbeCandidate | undefined,
    hold: number,
  ): Promise<void> {
    let firstLookAfterMs = Math.max(this.#firstLookAfterMs(cause.scope), cause.retryAfterMs ?? 0);
    const release = { firstLookAfterMs };
    let known = candidate;
    for (let ended = false; this.#isInForce(cause.scope, hold) && !ended;) {
      const target = this.#buying || known?.jobId ? known : undefined;
      const buys = target !== undefined && target.jobId === undefined;
      if (buys) this.#buyers += 1;
      const probed = await this.#look(cause, target, firstLookAfterMs);
      if (target && (probed.jobId || probed.unansweredSinceMs !== undefined)) {
        const { shard, row, generation } = target;
        const { jobId, unansweredSinceMs } = probed;
        const news = {
          ...(jobId && { jobId }),
          ...(unansweredSinceMs !== undefined && { unansweredSinceMs }),
        };
        await this.#deliver(shard, { row, generation, ...news });
        known = { ...target, ...news };
      }
      if (buys) {
        this.#buyers -= 1;
        if (!this.#buying) this.#onChange();
      }
      ended = probed.ended;
      firstLookAfterMs = probed.lookAgainAfterMs;
    }
    if (!this.#isInForce(cause.scope, hold)) return;
    this.#releases.set(cause.scope, { ...release, atMs: Date.now() });
    this.#end(cause.scope);
  }

  /** One probe to its end; not `ended` where it was taken back, with word of what it may have bought. */
  async #look(
    cause: HoldCause,
    target: ProbeCandidate | undefined,
    firstLookAfterMs: number,
  ): Promise<ProbeResult & { readonly ended: boolean; readonly lookAgainAfterMs: number }> {
    const probes = this.#probes;
    try {
      const result = await probes.run(() =>
        this.#probe({
          run: this.#run,
          cause,
          ...(target && { candidate: target }),
          idempotencyHorizonMs: this.#idempotencyHorizonMs,
          firstLookAfterMs,
        }),
      );
      return { ...result, ended: true, lookAgainAfterMs: 0 };
    } catch (error) {
      // A try that fails after its cancellation is not repeated, and is no cancellation by its kind.
      if (!isCancellation(error) && !(error instanceof ActivityFailure)) throw error;
      const sinceMs = target && !target.jobId ? unansweredSince(error, cause.scope) : undefined;
      // One that was taken back is made anew at once, by what a person has said.
      const lookAgainAfterMs = probes.consideredCancelled ? 0 : this.#probeFirstMs;
      return { ended: false, lookAgainAfterMs, ...(sinceMs !== undefined && { unansweredSinceMs: sinceMs }) };
    }
  }

  /** Zero for a scope's first hold, then longer each time it comes back soon: what the probe looked at was not the cause. */
  #firstLookAfterMs(scope: HoldScope): number {
    const last = this.#releases.get(scope);
    if (!last || Date.now() - last.atMs > SAME_HOLD_MS) return 0;
    const shortestMs = scope === 'storage' ? this.#probeFirstMs : this.#probeFirstMs / 8;
    return Math.min(this.#probeLongestMs, Math.max(shortestMs, 2 * last.firstLookAfterMs));
  }
}

/** Since when a create of a probe that was taken back may be unanswered; in doubt since now, when its last one is not long ago. */
function unansweredSince(error: unknown, scope: HoldScope): number | undefined {
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
    const [details] = error.cause.details ?? [];
    return (details as StillHeldDetails | undefined)?.unansweredSinceMs;
  }
  // Between two looks nothing is known of the last; only where the service answers badly it may have bought.
  return isCancellation(error) && scope !== 'service' ? undefined : Date.now();
}
