/** Whom a word comes from, by how Temporal brings it. */
type Bringer = 'signal' | 'update';

/**
 * The words that came with one workflow task, each followed once all are in, those of signals first. Where a reset brings
 * them again, Temporal brings updates and signals in their old order at first, but the signals first when it replays that
 * task: what they lead to must not depend on it.
 */
export class MessageOrder {
  readonly #waiting: Record<Bringer, (() => void)[]> = { signal: [], update: [] };

  /** Follows a word after those that came before it in the same way; resolves, or rejects, as `follow` does. */
  hear<T>(bringer: Bringer, follow: () => Promise<T>): Promise<T> {
    const { signal, update } = this.#waiting;
    // Temporal hands over all words of a task before anything that waits continues.
    if (signal.length + update.length === 0) void Promise.resolve().then(() => this.#followAll());
    return new Promise((resolve, reject) => {
      this.#waiting[bringer].push(() => {
        follow().then(resolve, reject);
      });
    });
  }

  #followAll(): void {
    const { signal, update } = this.#waiting;
    for (const follow of [...signal.splice(0), ...update.splice(0)]) follow();
  }
}
