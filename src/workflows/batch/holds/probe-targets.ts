import { JOBS_MISSING, type HoldCause } from '../../../domain/batch/holds.js';
import type { ProbeCandidate, ProbedRow, RowNeed } from '../../protocol/shard-messages.js';
import type { OfferedRows } from './row-calls.js';

/** The rows that a hold's probe uses: preferably not the one that failed, since the fault may be that row's own. */
export class ProbeTargets {
  readonly #isMissing: boolean;
  readonly #failed: ProbeCandidate | undefined;
  readonly #madeFromMs: number;
  #others: readonly ProbeCandidate[];
  /** A job was bought for this hold and has not been found yet. */
  #hasBought = false;
  /** See `OfferedRows`. */
  isForNobody = false;

  constructor(
    cause: HoldCause,
    fault: {
      readonly candidate?: ProbeCandidate | undefined;
      readonly others?: readonly ProbeCandidate[] | undefined;
      readonly need?: RowNeed | undefined;
    },
  ) {
    this.#isMissing = cause.code === JOBS_MISSING;
    this.#failed = fault.candidate;
    this.#others = fault.others ?? [];
    this.#madeFromMs = fault.need?.kind === 'witness' ? fault.need.madeFromMs : Infinity;
  }

  /** Whether rows of other shards would help: no other untried row or witness job is left. */
  get wantsOthers(): boolean {
    if (this.#isMissing) return !this.#hasBought && !this.#others.some(({ jobId }) => jobId === undefined);
    return !this.#others.some((one) => isLook(one) || one.isReplay || isUnsent(one));
  }

  /** Takes offered rows. New ones come first; known ones keep their place, so that each has its turn although every probe begins with the first. */
  take({ rows: offered, isForNobody }: OfferedRows): void {
    this.isForNobody = isForNobody;
    const added = offered.filter((one) => !this.#others.some((known) => isSame(known, one)));
    const known = this.#others.map((one) => offered.find((other) => isSame(one, other)) ?? one);
    this.#others = [...added, ...known];
  }

  /** The rows for the next probe; none where only the account is checked. Rows whose create may have been processed without an answer come last. */
  next(mayBuy: boolean): readonly ProbeCandidate[] {
    const usable = (one: ProbeCandidate): boolean => (mayBuy ? true : isLook(one));
    const others = this.#others.filter(usable);
    if (this.#isMissing) return this.#missingNext(others);
    if (this.isForNobody) return [];
    const own = this.#failed && usable(this.#failed) ? [this.#failed] : [];
    if (others.length === 0) return own;
    const unsent = others.find(isUnsent);
    const isOwnCreate = (one: ProbeCandidate): boolean =>
      !isLook(one) && !others.some((other) => isSame(other, one));
    return unsent ? [unsent] : [...others, ...own.filter(isOwnCreate)];
  }

  isFailed({ shard, row }: ProbeCandidate): boolean {
    return this.#failed?.shard === shard && this.#failed.row === row;
  }

  /** Whether more rows, or one more job, could help after a while. */
  get mayGrow(): boolean {
    return this.#isMissing || this.wantsOthers;
  }

  /** Called after a while: one more job may be bought to see whether the service finds it. */
  grow(): void {
    this.#hasBought = false;
  }

  /** Records what a probe did for a row. */
  note(target: ProbeCandidate, news: Omit<ProbedRow, 'row' | 'generation'>, nowMs: number): void {
    if (news.jobId) this.#hasBought = true;
    const { unansweredSinceMs = news.unansweredSinceMs } = target;
    const noted = {
      ...target,
      ...news,
      ...(news.jobId && { madeMs: nowMs }),
      ...(unansweredSinceMs !== undefined && { unansweredSinceMs }),
    };
    this.#others = [...this.#others.filter((one) => !isSame(one, target)), noted];
  }

  /** The missing job itself, possible witnesses, and one create if there is no witness. */
  #missingNext(others: readonly ProbeCandidate[]): readonly ProbeCandidate[] {
    const own = this.#failed ? [this.#failed] : [];
    const witnesses = others.filter((one) => this.#isWitness(one));
    // It is created only if none of these is found.
    const create = this.#hasBought ? undefined : others.find(({ jobId }) => jobId === undefined);
    return [...own, ...witnesses, ...(create ? [create] : [])];
  }

  #isWitness({ jobId, madeMs = -Infinity }: ProbeCandidate): boolean {
    return jobId !== undefined && madeMs >= this.#madeFromMs;
  }
}

/** It buys nothing, however the service behaves. */
function isLook({ jobId, isReplay }: ProbeCandidate): boolean {
  return jobId !== undefined && !isReplay;
}

/** The row has no job, certainly no create of it was sent, and it has not failed. */
function isUnsent({ jobId, unansweredSinceMs, isDoubtful }: ProbeCandidate): boolean {
  return jobId === undefined && unansweredSinceMs === undefined && !isDoubtful;
}

function isSame(a: ProbeCandidate, b: ProbeCandidate): boolean {
  return a.shard === b.shard && a.row === b.row && a.generation === b.generation;
}
