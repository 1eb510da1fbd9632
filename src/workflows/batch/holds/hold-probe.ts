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

/** The result of a probe; `by` are the rows that it concerns. */
export interface ProbeEnd extends Omit<ProbeResult, 'by'> {
  readonly by?: readonly ProbeCandidate[];
  readonly ended: boolean;
  readonly lookAgainAfterMs: number;
}

/** One probe to its end; not `ended` where it was taken back, with word of what it may have bought. */
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
    // A try that fails after its cancellation is not repeated, and is no cancellation by its kind.
    if (!isCancellation(error) && !(error instanceof ActivityFailure)) throw error;
    const creates = candidates.filter(({ jobId }) => jobId === undefined);
    const since = creates.length > 0 ? unansweredSince(error, cause.scope) : undefined;
    const by = since?.by === undefined ? creates : candidates.slice(since.by, since.by + 1);
    return {
      ended: false,
      // One that was taken back is made again at once, by what a person has said.
      lookAgainAfterMs: scope.consideredCancelled ? 0 : lookAgainAfterMs,
      ...(since && { ...since, by }),
    };
  }
}

/** Whether a probe made a job and nothing more is seen of it, where the fault is a later step's. */
export function isOnlyMade({ jobId }: ProbeEnd, need: RowNeed | undefined): boolean {
  return jobId !== undefined && need?.kind === 'step' && (need.step === 'job' || need.step === 'image');
}

/** Since when a create of a probe that was taken back may be unanswered; in doubt since now, when its last one is not long ago. */
function unansweredSince(error: unknown, scope: HoldScope): StillHeldDetails | undefined {
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
    const [details] = error.cause.details ?? [];
    return details as StillHeldDetails | undefined;
  }
  // Between two looks nothing is known of the last; only where the service answers badly it may have bought.
  return isCancellation(error) && scope !== 'service' ? undefined : { unansweredSinceMs: Date.now() };
}

/** Takes a probe back after a while, so that it looks by more rows. */
export async function growLater(
  scope: CancellationScope,
  targets: ProbeTargets,
  afterMs: number,
): Promise<void> {
  await scope.run(() => sleep(afterMs));
  targets.grow();
  scope.cancel();
}
