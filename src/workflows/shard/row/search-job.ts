import { CancelledFailure } from '@temporalio/workflow';
import { JOBS_MISSING_CAUSE } from '../../../domain/batch/failure-rate.js';
import type { JobId } from '../../../domain/rows/ids.js';
import type { MissingJob } from '../../../domain/rows/missing-job.js';
import type { FindJobInput, FindJobResult } from '../../protocol/activities.js';
import type { ProbeCandidate } from '../../protocol/shard-messages.js';
import type { RowContext } from './row-context.js';

/** The result of a search for a row's job. `failed`: the checks themselves failed for too long; `left`: for the shard's next workflow run. */
export type SearchEnd = 'found' | 'gone' | 'failed' | 'left';

/**
 * Searches for a missing job beside the window until it is found or believed to be gone. If there is no witness that
 * the service knows jobs made no earlier, the account is held and the search continues.
 */
export async function searchJob(
  context: RowContext,
  ref: ProbeCandidate & { readonly jobId: JobId },
  first: MissingJob,
  find: (
    input: FindJobInput,
    isIdle: (() => boolean) | undefined,
  ) => Promise<FindJobResult | { readonly kind: 'failed' } | undefined>,
): Promise<SearchEnd> {
  const { holds, ledger, missing: rows, searches, input } = context;
  const { shard, row, generation, jobId } = ref;
  let missing = first;
  let until: FindJobInput['until'] = 'checked';
  let hasChecked = false;
  // Do this before the slot goes to another row, which would buy the next job that is not found.
  if (rows.witnessesFor(row).length === 0 && rows.noteUnwitnessed(row, false)) context.raiseMissing(ref);
  for (;;) {
    if (searches.isStopped) return 'left';
    const isAccepted = (holds.missingAcceptedMs ?? -Infinity) >= missing.sinceMs;
    const witnesses = isAccepted ? [] : rows.witnessesFor(row);
    const request: FindJobInput = {
      run: input.run,
      shard,
      row,
      generation,
      jobId,
      missing,
      witnesses,
      until,
      ...(isAccepted && { isAccepted }),
    };
    const isIdle = until === 'found' ? () => !holds.isHeld([JOBS_MISSING_CAUSE.scope]) : undefined;
    const answer = await find(request, isIdle);
    if (context.grace.consideredCancelled) throw new CancelledFailure('The grace period is over.');
    if (answer && answer.kind !== 'missing') {
      rows.forget(row);
      return answer.kind;
    }
    missing = answer?.missing ?? missing;
    ledger.noteMissing(row, missing);
    const isOver = until === 'found';
    const isChecked = until === 'checked';
    until = 'checked';
    // The hold is over, or jobs made meanwhile may be witnesses.
    if (isOver || (!isChecked && !hasChecked && rows.witnessesFor(row).length > witnesses.length)) {
      hasChecked = true;
      continue;
    }
    hasChecked = false;
    if (rows.noteUnwitnessed(row, answer?.isBelievable ?? false)) {
      context.raiseMissing(ref);
    }
    until = holds.isHeld([JOBS_MISSING_CAUSE.scope]) ? 'found' : 'believable';
  }
}
