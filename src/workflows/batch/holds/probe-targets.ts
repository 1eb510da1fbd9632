import { JOBS_MISSING, type HoldCause } from '../../../domain/batch/holds.js';
import type { ProbeCandidate, ProbedRow, RowNeed } from '../../protocol/shard-messages.js';

/** Rows that a hold's probe asks by: others than the one that failed where there are any, since the fault may be that row's own. */
export class ProbeTargets {
  readonly #isMissing: boolean;
  readonly #failed: ProbeCandidate | undefined;
  readonly #madeFromMs: number;
  #others: readonly ProbeCandidate[];
  /** A job was bought for this hold that is not found so far. */
  #hasBought = false;

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

  /** Whether shards could help: for want of another row that was not tried in vain, or of a job that witnesses. */
  get wantsOthers(): boolean {
    if (this.#isMissing) return !this.#hasBought && !this.#others.some(({ jobId }) => jobId === undefined);
    return !this.#others.some((one) => isLook(one) || one.isReplay || one.unansweredSinceMs === undefined);
  }

  add(others: readonly ProbeCandidate[]): void {
    const known = this.#others.filter((one) => !others.some((other) => isSame(one, other)));
    this.#others = [...others, ...known];
  }

  /** By which rows to look next. One whose create may be answered unseen comes after those of which that is not known. */
  next(mayBuy: boolean): readonly ProbeCandidate[] {
    const usable = (one: ProbeCandidate): boolean => (mayBuy ? true : isLook(one));
    const others = this.#others.filter(usable);
    if (this.#isMissing) return this.#missingNext(others);
    const own = this.#failed && usable(this.#failed) ? [this.#failed] : [];
    if (others.length === 0) return own;
    const unsent = others.find((one) => !isLook(one) && !one.isReplay && one.unansweredSinceMs === undefined);
    return unsent ? [unsent] : [...others, ...own.filter((one) => !isLook(one))];
  }

  isFailed({ shard, row }: ProbeCandidate): boolean {
    return this.#failed?.shard === shard && this.#failed.row === row;
  }

  /** Whether more could help after a while: other rows, or the job of one more of them. */
  get mayGrow(): boolean {
    return this.#isMissing || this.wantsOthers;
  }

  /** A while has passed: one more job may be bought to see whether it is found. */
  grow(): void {
    this.#hasBought = false;
  }

  /** Notes what a probe did for a row. */
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

  /** The missing job itself, what may witness, and one create where nothing does. */
  #missingNext(others: readonly ProbeCandidate[]): readonly ProbeCandidate[] {
    const own = this.#failed ? [this.#failed] : [];
    const witnesses = others.filter((one) => this.#isWitness(one));
    // It is made only where none of these is found.
    const create = this.#hasBought ? undefined : others.find(({ jobId }) => jobId === undefined);
    return [...own, ...witnesses, ...(create ? [create] : [])];
  }

  #isWitness({ jobId, madeMs = -Infinity }: ProbeCandidate): boolean {
    return jobId !== undefined && madeMs >= this.#madeFromMs;
  }
}

/** It buys nothing, whatever the service does. */
function isLook({ jobId, isReplay }: ProbeCandidate): boolean {
  return jobId !== undefined && !isReplay;
}

function isSame(a: ProbeCandidate, b: ProbeCandidate): boolean {
  return a.shard === b.shard && a.row === b.row && a.generation === b.generation;
}
