import { ActivityFailure, CancelledFailure, condition, sleep } from '@temporalio/workflow';
import { JOBS_MISSING_CAUSE } from '../domain/failure-rate.js';
import type { HoldScope } from '../domain/holds.js';
import { batchFaultOf } from './activity-proxies.js';
import type { ProbeCandidate } from './shard-messages.js';
import type { RowContext } from './row-context.js';

/** Asks for a job until it is found; a single one that is gone is believed, one of many waits for the account's hold. */
export async function untilFound<T extends { readonly kind: string }>(
  context: RowContext,
  scopes: readonly HoldScope[],
  ref: ProbeCandidate,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const answer = await throughHolds(context, scopes, ref, call);
    if (!context.jobsAreMissing(ref.row, answer.kind !== 'gone')) return answer;
    context.raise(JOBS_MISSING_CAUSE, candidateOf(ref));
    await context.grace.run(() => condition(() => !context.holds.isHeld([JOBS_MISSING_CAUSE.scope])));
  }
}

function candidateOf({ shard, row, generation, jobId }: ProbeCandidate): ProbeCandidate {
  return { shard, row, generation, ...(jobId && { jobId }) };
}

/** Runs an activity of a row whose job is known until it answers: a fault of account, service or bucket only makes it wait. */
async function throughHolds<T>(
  context: RowContext,
  scopes: readonly HoldScope[],
  candidate: ProbeCandidate,
  call: () => Promise<T>,
): Promise<T> {
  let needed = scopes;
  let notBeforeMs = 0;
  for (;;) {
    await context.grace.run(async () => {
      await condition(() => !context.holds.isHeld(needed));
      if (notBeforeMs > Date.now()) await sleep(notBeforeMs - Date.now());
    });
    try {
      return await context.grace.run(call);
    } catch (error) {
      const fault = batchFaultOf(error);
      // An attempt that fails after its cancellation is not repeated, and is no cancellation by its kind.
      if (error instanceof ActivityFailure && !fault && context.grace.consideredCancelled) {
        throw new CancelledFailure('The grace has passed.', undefined, error);
      }
      if (!fault) throw error;
      needed = [...scopes, fault.cause.scope];
      notBeforeMs = Date.now() + (fault.cause.retryAfterMs ?? 0);
      context.raise(fault.cause, candidateOf(candidate));
    }
  }
}
