import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  type CancellationScope,
  sleep,
} from '@temporalio/workflow';
import type { Activities, ProbeInput, ProbeResult, StillHeldDetails } from '../../protocol/activities.js';
import type { HoldScope } from '../../../domain/batch/holds.js';
import type { ProbeCandidate, RowNeed } from '../../protocol/shard-messages.js';
import type { ProbeTargets } from './probe-targets.js';

/** The result of a probe; `by` are the rows that it used. */
export interface ProbeEnd extends Omit<ProbeResult, 'by'> {
  readonly by?: readonly ProbeCandidate[];
  readonly ended: boolean;
  readonly lookAgainAfterMs: number;
}

/** Runs one probe to its end. If it was taken back, `ended` is false and the result says what it may have bought. */
export async function probeOnce(
  scope: CancellationScope,
  probe: Activities['probe'],
  input: ProbeInput,
  lookAgainAfterMs: number,
): Promise<ProbeEnd> {
  const { candidates, cause } = input;
  try {
    const { by: index, ...result } = await scope.run(() => probe(input));
    const target = index === undefined ? undefined : candidates[index];
    return { ...result, ...(target && { by: [target] }), ended: true, lookAgainAfterMs: 0 };
  } catch (error) {
    // An attempt that fails after its cancellation is not retried, and its error is no cancellation.
    if (!isCancellation(error) && !(error instanceof ActivityFailure)) throw error;
    const creates = candidates.filter(({ jobId }) => jobId === undefined);
    const since = creates.length > 0 ? unansweredSince(error, cause.scope) : undefined;
    const by = since?.by === undefined ? creates : candidates.slice(since.by, since.by + 1);
    return {
      ended: false,
      // A probe that was taken back because of a person's request is repeated at once.
      lookAgainAfterMs: scope.consideredCancelled ? 0 : lookAgainAfterMs,
      ...(since && { ...since, by }),
    };
  }
}

/** Whether a probe created a job of which nothing more is known, although the fault belongs to a later step. */
export function isOnlyMade({ jobId }: ProbeEnd, need: RowNeed | undefined): boolean {
  return jobId !== undefined && need?.kind === 'step' && (need.step === 'job' || need.step === 'image');
}

/** Since when a create of a cancelled probe may be unanswered. If its last create was recent, that one counts as unanswered from now. */
function unansweredSince(error: unknown, scope: HoldScope): StillHeldDetails | undefined {
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
    const [details] = error.cause.details ?? [];
    return details as StillHeldDetails | undefined;
  }
  // Between two checks the last result is unknown; the probe may have bought only if the service is the faulty part.
  return isCancellation(error) && scope !== 'service' ? undefined : { unansweredSinceMs: Date.now() };
}

/** While no shard has a row for a probe, all shards are asked again after this many first waits, then less and less often. */
const FIRST_ASKED_AGAIN = 4;
const LONGEST_ASKED_AGAIN_MS = 3_600_000;

/** Ends the probes of a hold after a while, so that the next one uses more rows. */
export class ProbeGrowth {
  readonly #targets: ProbeTargets;
  #afterMs: number;
  #hasEnded = false;

  constructor(targets: ProbeTargets, probeFirstMs: number) {
    this.#targets = targets;
    this.#afterMs = FIRST_ASKED_AGAIN * probeFirstMs;
  }

  /** Whether a probe was ended: all its rows had their turn. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Cancels a probe's scope, unless it was cancelled before; the next wait is twice as long then. */
  endLater(scope: CancellationScope): void {
    this.#end(scope).catch(() => undefined);
  }

  async #end(scope: CancellationScope): Promise<void> {
    await scope.run(() => sleep(this.#afterMs));
    this.#afterMs = Math.min(LONGEST_ASKED_AGAIN_MS, this.#afterMs * 2);
    this.#hasEnded = true;
    this.#targets.grow();
    scope.cancel();
  }
}
