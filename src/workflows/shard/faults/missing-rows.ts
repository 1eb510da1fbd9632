import { CancelledFailure } from '@temporalio/workflow';
import type { FindJobInput, FindJobResult } from '../../protocol/activities.js';
import { JOBS_MISSING_CAUSE } from '../../../domain/batch/failure-rate.js';
import type { JobId } from '../../../domain/rows/ids.js';
import { UNWITNESSED_JOBS, type MissingJob } from '../../../domain/rows/missing-job.js';
import { witnessRows } from './other-rows.js';
import type { RowContext } from '../row/row-context.js';
import type { ShardHolds } from '../shard-control.js';
import type { ShardLedger } from '../row-states.js';
import type { ProbeCandidate } from '../../protocol/shard-messages.js';

/** The missing jobs of a shard, and the jobs that witness whether the service still knows others. */
export class MissingRows {
  readonly #shard: number;
  readonly #ledger: ShardLedger;
  readonly #holds: ShardHolds;
  readonly #unwitnessed = new Set<number>();

  constructor(shard: number, ledger: ShardLedger, holds: ShardHolds) {
    this.#shard = shard;
    this.#ledger = ledger;
    this.#holds = holds;
  }

  /** Jobs that were made no earlier than the row's, as far as the shard knows. */
  witnessesFor(row: number): readonly JobId[] {
    const byMs = this.#ledger.rows[row]?.jobByMs ?? Infinity;
    const own = witnessRows({ shard: this.#shard, rows: this.#ledger.rows }, byMs, row);
    const { witness } = this.#holds;
    const others = witness && witness.madeMs >= byMs ? [witness.jobId] : [];
    return [...others, ...own.flatMap(({ jobId }) => jobId ?? [])];
  }

  /** Notes that nothing witnesses against a row's job; true where the account is to be held. */
  noteUnwitnessed(row: number, isBelievable: boolean): boolean {
    this.#unwitnessed.add(row);
    const alone = [...this.#unwitnessed].filter((one) => one === row || !this.#isWitnessed(one));
    return isBelievable || alone.length >= UNWITNESSED_JOBS;
  }

  forget(row: number): void {
    this.#unwitnessed.delete(row);
  }

  #isWitnessed(row: number): boolean {
    const { witness } = this.#holds;
    return witness !== undefined && witness.madeMs >= (this.#ledger.rows[row]?.jobByMs ?? Infinity);
  }
}

/** What a search for a row's job has come to: `failed`: the looks themselves, for too long; `left` is for the shard's next workflow run. */
export type SearchEnd = 'found' | 'gone' | 'failed' | 'left';

/**
 * Looks for a missing job beside the window until it is found, or believed to be gone. Where nothing witnesses that the
 * service knows jobs made no earlier, the account is held, and the search continues.
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
  // Before its slot goes to a row that would buy the next job that is not found.
  if (rows.witnessesFor(row).length === 0 && rows.noteUnwitnessed(row, false)) context.raiseMissing(ref);
  for (;;) {
    if (searches.isStopped) return 'left';
    const isAccepted = (holds.missingAcceptedMs ?? -Infinity) >= missing.sinceMs;
    const witnesses = isAccepted ? [] : rows.witnessesFor(row);
    const asked: FindJobInput = {
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
    const answer = await find(asked, isIdle);
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
    // The hold is over, or jobs were made meanwhile that could be witnesses.
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
