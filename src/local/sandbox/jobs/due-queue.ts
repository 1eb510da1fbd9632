/** Future items in order of time: a binary heap. */
export class DueQueue<T> {
  readonly #heap: { readonly at: number; readonly item: T }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(at: number, item: T): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push({ at, item });
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfSooner(index, parent)) break;
      index = parent;
    }
  }

  /** Removes the earliest item if its time is not after `now`. */
  takeDue(now: number): { readonly at: number; readonly item: T } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    let index = 0;
    for (;;) {
      const left = index * 2 + 1;
      const right = left + 1;
      const sooner = this.#isSooner(right, left) ? right : left;
      if (!this.#swapIfSooner(sooner, index)) return first;
      index = sooner;
    }
  }

  #isSooner(index: number, than: number): boolean {
    const one = this.#heap[index];
    const other = this.#heap[than];
    return one !== undefined && other !== undefined && one.at < other.at;
  }

  #swapIfSooner(index: number, other: number): boolean {
    const one = this.#heap[index];
    const two = this.#heap[other];
    if (one === undefined || two === undefined || one.at >= two.at) return false;
    this.#heap[index] = two;
    this.#heap[other] = one;
    return true;
  }
}
