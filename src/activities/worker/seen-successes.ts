import type { FaultStep } from '../../domain/batch/row-faults.js';

/** A success this soon after a hold began may have been answered before the fault. */
const SURELY_LATER_MS = 10_000;

/** When each step last succeeded on this worker, for a row of any batch. */
export class SeenSuccesses {
  readonly #atMs = new Map<FaultStep, number>();
  readonly #nowMs: () => number;

  /** `nowMs`: a clock that never jumps. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  note(step: FaultStep): void {
    this.#atMs.set(step, this.#nowMs());
  }

  /** Whether the step has succeeded since a hold that began so long ago. */
  hasSince(step: FaultStep, heldForMs: number): boolean {
    const atMs = this.#atMs.get(step);
    return atMs !== undefined && this.#nowMs() - atMs < heldForMs - SURELY_LATER_MS;
  }
}
