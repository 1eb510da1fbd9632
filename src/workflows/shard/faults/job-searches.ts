import { CancellationScope, condition } from '@temporalio/workflow';

/** Searches for missing jobs beside the window. They are cancelled when the shard continues in a new workflow run. */
export class JobSearches {
  readonly #scopes = new Set<CancellationScope>();
  #isStopped = false;

  get running(): number {
    return this.#scopes.size;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Runs a search, and cancels it once `isIdle` holds; undefined if it was cancelled before it began. */
  async run<T>(search: () => Promise<T>, isIdle: (() => boolean) | undefined): Promise<T | undefined> {
    const scope = new CancellationScope();
    this.#scopes.add(scope);
    try {
      return await scope.run(async () => {
        if (isIdle)
          condition(isIdle).then(
            () => scope.cancel(),
            () => undefined,
          );
        return search();
      });
    } catch (error) {
      // An attempt that fails after its cancellation is not retried, and its error is no cancellation.
      if (scope.consideredCancelled) return undefined;
      throw error;
    } finally {
      this.#scopes.delete(scope);
      scope.cancel();
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const scope of this.#scopes) scope.cancel();
  }
}
