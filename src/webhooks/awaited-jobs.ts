/** The waits for jobs in this process, so that a webhook that has ended one can stop its polling at once. */
export class AwaitedJobs {
  readonly #waits = new Map<string, Set<AbortController>>();

  /** Registers a wait under its name. The signal is aborted once someone else has ended it; `dispose` takes it off. */
  enter(name: string): { readonly ended: AbortSignal; readonly dispose: () => void } {
    const controller = new AbortController();
    const waits = this.#waits.get(name) ?? new Set();
    this.#waits.set(name, waits.add(controller));
    return {
      ended: controller.signal,
      dispose: () => {
        waits.delete(controller);
        if (waits.size === 0 && this.#waits.get(name) === waits) this.#waits.delete(name);
      },
    };
  }

  /** The waits of that name as they are now: what ends them must not end one that begins later. */
  endOf(name: string): () => void {
    const waits = [...(this.#waits.get(name) ?? [])];
    return () => {
      for (const wait of waits) wait.abort();
    };
  }
}
