import type { ModelMode } from '../../domain/batch/holds.js';

/** Whether a job may be made for the first row of its mode. */
export type MayCreate = (mode: ModelMode, row: number) => boolean;

/** The rows of a shard that wait to start. */
export class RowQueues {
  readonly #byMode = new Map<ModelMode, number[]>();
  /** Rows that already have a job: collecting it costs nothing. */
  readonly #paid: number[] = [];

  /** `isFirst`: before the others of its mode. */
  add(
    row: number,
    {
      mode,
      isPaid,
      isFirst,
    }: { readonly mode: ModelMode; readonly isPaid: boolean; readonly isFirst: boolean },
  ): void {
    const queue = isPaid ? this.#paid : this.#byMode.get(mode);
    if (!queue) this.#byMode.set(mode, [row]);
    else if (isFirst) queue.unshift(row);
    else queue.push(row);
  }

  /** Rows without a job. */
  get unpaid(): ReadonlyMap<ModelMode, readonly number[]> {
    return this.#byMode;
  }

  /** Records that the job of a waiting row was found; no effect if the row does not wait. */
  pay(row: number, mode: ModelMode): void {
    const queue = this.#byMode.get(mode);
    const at = queue?.indexOf(row) ?? -1;
    if (at < 0) return;
    queue?.splice(at, 1);
    this.#paid.push(row);
  }

  /** The row to start next: a paid one, else the first in sheet order of a mode for which `mayCreate` holds. */
  first(mayCreate: MayCreate): number | undefined {
    return this.#firstQueue(mayCreate)?.[0];
  }

  /** Removes and returns that row. */
  takeFirst(mayCreate: MayCreate): number | undefined {
    return this.#firstQueue(mayCreate)?.shift();
  }

  clearUnpaid(): void {
    this.#byMode.clear();
  }

  clear(): void {
    this.#byMode.clear();
    this.#paid.length = 0;
  }

  #firstQueue(mayCreate: MayCreate): number[] | undefined {
    if (this.#paid.length > 0) return this.#paid;
    let first: number[] | undefined;
    for (const [mode, queue] of this.#byMode) {
      const [row] = queue;
      const isFirst = row !== undefined && row < (first?.[0] ?? Infinity);
      if (isFirst && mayCreate(mode, row)) first = queue;
    }
    return first;
  }
}
