import { UNSTORED_KINDS, type UnstoredKind } from '../domain/rows/failure-kind.js';
import { kindOf, type RowBefore, type RowPlan } from '../domain/rows/row-plan.js';
import type { PlannedItem } from './rows/planned-rows.js';

/** Kinds of rows without an image; `unended` ones were unfinished at the end of their run. */
export type LeftKind = UnstoredKind | 'unended';
export type CountByKind = Readonly<Partial<Record<LeftKind, number>>>;

const LEFT_KINDS: readonly LeftKind[] = [...UNSTORED_KINDS, 'unended'];

/** What a run would do, in numbers of rows. */
export interface PlanCounts {
  readonly new: number;
  readonly changed: number;
  /** Rows without an image that are retried. */
  readonly again: number;
  readonly againByKind: CountByKind;
  /** Rows that are made again on purpose. */
  readonly redone: number;
  /** Of the rows to run: those with a known job, which is awaited before anything is bought. */
  readonly awaited: number;
  /** Rows of the sheet, or of a retry or redo, that keep their outcome. */
  readonly unchanged: number;
  /** Of all rows that keep their outcome: those without an image. */
  readonly skippedByKind: CountByKind;
  /** Rows of the last run that the sheet no longer has. */
  readonly removed: number;
  /** Rows that the sheet lacks and that stay. */
  readonly kept: number;
  /** Rows of any of these kinds whose image is copied to its new name. */
  readonly renamed: number;
}

/** Counts a plan's items one by one. */
export class PlanCounter {
  readonly #again = new Map<LeftKind, number>();
  readonly #skipped = new Map<LeftKind, number>();
  readonly #sums = {
    new: 0,
    changed: 0,
    again: 0,
    redone: 0,
    awaited: 0,
    unchanged: 0,
    removed: 0,
    kept: 0,
    renamed: 0,
  };

  add(item: PlannedItem): void {
    switch (item.kind) {
      case 'sheet':
        return;
      case 'removed':
        this.#sums.removed += 1;
        return;
      case 'planned':
        this.addPlan(item.plan, item.before, item.isKept);
        if (item.move) this.#sums.renamed += 1;
    }
  }

  /** `isKept`: the run's sheet lacks the row. */
  addPlan(plan: RowPlan, before: RowBefore | undefined, isKept: boolean): void {
    const kind = before && leftKind(before);
    if (plan.kind === 'carry') {
      this.#sums[isKept ? 'kept' : 'unchanged'] += 1;
      if (kind) increment(this.#skipped, kind);
      return;
    }
    if (plan.start.jobId) this.#sums.awaited += 1;
    if (plan.change === 'again' && kind) increment(this.#again, kind);
    this.#sums[plan.change === 'redo' ? 'redone' : plan.change] += 1;
  }

  get counts(): PlanCounts {
    return {
      ...this.#sums,
      againByKind: inOrder(this.#again),
      skippedByKind: inOrder(this.#skipped),
    };
  }
}

/** Number of planned rows whose images may have to be bought. */
export function rowsToBuy(counts: PlanCounts): number {
  return counts.new + counts.changed + counts.again + counts.redone - counts.awaited;
}

/** Number of planned rows. */
export function rowsToRun(counts: PlanCounts): number {
  return counts.new + counts.changed + counts.again + counts.redone;
}

function leftKind({ outcome, start }: RowBefore): LeftKind | undefined {
  return start ? 'unended' : kindOf(outcome);
}

function increment(counts: Map<LeftKind, number>, kind: LeftKind): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}

function inOrder(counts: ReadonlyMap<LeftKind, number>): CountByKind {
  return Object.fromEntries(
    LEFT_KINDS.flatMap((kind) => {
      const count = counts.get(kind);
      return count === undefined ? [] : [[kind, count]];
    }),
  );
}
