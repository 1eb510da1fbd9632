import { CancellationScope } from '@temporalio/workflow';

/** Creates under way, by row: those not yet sent can be taken back. */
export class RunningCreates {
  readonly #scopes = new Map<number, CancellationScope>();

  async run<T>(row: number, create: () => Promise<T>): Promise<T> {
    const scope = new CancellationScope();
    this.#scopes.set(row, scope);
    try {
      return await scope.run(create);
    } finally {
      this.#scopes.delete(row);
    }
  }

  /** Takes back those that are queued or wait for another try; one that is being sent runs out. */
  takeBackUnless(mayGoOn: (row: number) => boolean): void {
    for (const [row, scope] of this.#scopes) if (!mayGoOn(row)) scope.cancel();
  }
}
