import type { ModelMode } from '../../domain/batch/holds.js';

/** Whether a job may be made for the row that is first of its mode. */
export type MayCreate = (mode: ModelMode, row: number) => boolean;

/** The rows of a shard that wait to be started. */
export class RowQueues {
  readonly #byMode = new Map<ModelMode, number[]>();
  /** Rows whose job is there already: it costs nothing to collect it. */
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

  /** The rows without a job. */
  get unpaid(): ReadonlyMap<ModelMode, readonly number[]> {
    return this.#byMode;
  }

  /** Notes that a waiting row's job has turned up; changes nothing for a row that does not wait. */
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

  /** Takes that row out. */
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
