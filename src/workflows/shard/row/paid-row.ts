import { ActivityFailure, CancelledFailure, condition, sleep } from '@temporalio/workflow';
import type { BatchFaultDetails, HoldScope } from '../../../domain/batch/holds.js';
import type { FaultStep } from '../../../domain/batch/row-faults.js';
import { batchFaultOf } from '../../activity-proxies.js';
import type { ProbeCandidate } from '../../protocol/shard-messages.js';
import type { RowContext } from './row-context.js';

/** The result of a call for a row whose job is known. */
export type Through<T> =
  | { readonly kind: 'answer'; readonly answer: T }
  /** The row's own fault: it must wait aside. */
  | { readonly kind: 'aside'; readonly waitMs: number; readonly fault: BatchFaultDetails }
  /** The row's own fault, for too long. */
  | { readonly kind: 'end'; readonly fault: BatchFaultDetails };

/** Repeats an activity of a row whose job is known until it succeeds: a fault of account, service or bucket only delays it. The row's own fault is returned. */
export async function throughHolds<T>(
  context: RowContext,
  {
    scopes,
    step,
    candidate,
  }: { readonly scopes: readonly HoldScope[]; readonly step: FaultStep; readonly candidate: ProbeCandidate },
  call: () => Promise<T>,
): Promise<Through<T>> {
  let needed = scopes;
  let notBeforeMs = 0;
  for (;;) {
    await context.grace.run(async () => {
      await condition(() => !context.holds.isHeld(needed));
      if (notBeforeMs > Date.now()) await sleep(notBeforeMs - Date.now());
    });
    try {
      return { kind: 'answer', answer: await context.grace.run(call) };
    } catch (error) {
      const fault = batchFaultOf(error);
      // An attempt that fails after its cancellation is not retried, and its error is no cancellation.
      if (error instanceof ActivityFailure && !fault && context.grace.consideredCancelled) {
        throw new CancelledFailure('The grace period is over.', undefined, error);
      }
      if (!fault) throw error;
      const verdict = context.judge(candidate.row, step, fault);
      if (verdict.kind === 'end') return { kind: 'end', fault };
      if (verdict.kind === 'aside') return { ...verdict, fault };
      needed = [...scopes, fault.cause.scope];
      notBeforeMs = Date.now() + (fault.cause.retryAfterMs ?? 0);
      context.raise(fault, candidateOf(candidate), step);
    }
  }
}

function candidateOf({ shard, row, generation, jobId }: ProbeCandidate): ProbeCandidate {
  return { shard, row, generation, ...(jobId && { jobId }) };
}
