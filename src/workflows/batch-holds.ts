import type { RunRef } from '../storage/layout.js';
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import {
  isHeld,
  NO_HOLDS,
  raiseHold,
  releaseHold,
  type Hold,
  type HoldCause,
  type HoldScope,
  type HoldState,
} from '../domain/holds.js';
import type { ProbeCandidate, ProbedRow } from './messages.js';

/** The holds of a batch, each with the one probe that ends it. */
export class BatchHolds {
  readonly #run: RunRef;
  readonly #idempotencyHorizonMs: number;
  readonly #probe: Activities['probe'];
  readonly #onChange: () => void;
  readonly #deliver: (shard: number, probed: ProbedRow) => Promise<void>;
  #state: HoldState = NO_HOLDS;
  #probes = new CancellationScope();
  #buying = true;
  #open = true;

  constructor(options: {
    readonly run: RunRef;
    readonly idempotencyHorizonMs: number;
    readonly probe: Activities['probe'];
    /** Called after every change of `current`. */
    readonly onChange: () => void;
    /** Hands what a probe did for a row to the row. */
    readonly deliver: (shard: number, probed: ProbedRow) => Promise<void>;
  }) {
    this.#run = options.run;
    this.#idempotencyHorizonMs = options.idempotencyHorizonMs;
    this.#probe = options.probe;
    this.#onChange = options.onChange;
    this.#deliver = options.deliver;
  }

  get current(): readonly Hold[] {
    return this.#state.holds;
  }

  get seq(): number {
    return this.#state.seq;
  }

  isHeld(scope: HoldScope): boolean {
    return isHeld(this.#state, scope);
  }

  /** Holds the cause's scope and probes until the cause has ended; a fault older than the scope's last release changes nothing. */
  raise(cause: HoldCause, seenSeq: number, candidate: ProbeCandidate | undefined): void {
    const next = raiseHold(this.#state, cause, { seenSeq, now: new Date().toISOString() });
    if (next === this.#state) return;
    this.#state = next;
    this.#onChange();
    this.#probeUntilEnded(cause, candidate).catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
  }

  /** From now on probes only look: nothing more is bought. */
  stopBuying(): void {
    this.#buying = false;
    this.#restartProbes();
  }

  /** Ends the probes that are left when no row needs them any more. */
  close(): void {
    this.#open = false;
    this.#probes.cancel();
  }

  #restartProbes(): void {
    this.#probes.cancel();
    this.#probes = new CancellationScope();
  }

  async #probeUntilEnded(cause: HoldCause, candidate: ProbeCandidate | undefined): Promise<void> {
    while (this.#open) {
      const target = this.#buying || candidate?.jobId ? candidate : undefined;
      try {
        const probed = await this.#probes.run(() =>
          this.#probe({
            run: this.#run,
            cause,
            ...(target && { candidate: target }),
            idempotencyHorizonMs: this.#idempotencyHorizonMs,
          }),
        );
        if (target && (probed.jobId || probed.unansweredSinceMs !== undefined)) {
          await this.#deliver(target.shard, { row: target.row, generation: target.generation, ...probed });
        }
        break;
      } catch (error) {
        if (!isCancellation(error)) throw error;
      }
    }
    this.#state = releaseHold(this.#state, cause.scope);
    this.#onChange();
  }
}
