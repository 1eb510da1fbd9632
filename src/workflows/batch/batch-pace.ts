import { sleep } from '@temporalio/workflow';
import {
  createsNotBeforeMs,
  fullAgainMs,
  nextGrowthMs,
  pacedConcurrency,
  periodsInForce,
  withSlowPeriod,
  type SlowPeriod,
  type LoweredPace,
} from '../../domain/time/pace.js';

/** Only the first of several 429s in one burst is sent to the other shards; each of their rows waits for its own 429. */
const SAME_BURST_MS = 500;

/** The pace of a batch: lowered after 429s, then raised again step by step. */
export class BatchPace {
  readonly #onChange: (pace: 'slower' | 'faster') => void;
  #periods: readonly SlowPeriod[];
  #grows = false;

  /** Call within a scope that nothing cancels. */
  constructor(options: {
    readonly periods: readonly SlowPeriod[];
    /** Called when the concurrency has changed. `slower`: creates must wait as well. */
    readonly onChange: (pace: 'slower' | 'faster') => void;
  }) {
    this.#periods = options.periods;
    this.#onChange = options.onChange;
    this.#growBack();
  }

  /** The state for the next workflow run of the batch. */
  get periods(): readonly SlowPeriod[] {
    return periodsInForce(this.#periods, Date.now());
  }

  get createsNotBeforeMs(): number {
    return createsNotBeforeMs(this.#periods);
  }

  /** The part of the requested concurrency that may be used now. */
  within(requested: number): number {
    return pacedConcurrency(requested, this.#periods, Date.now());
  }

  /** Undefined at the full requested concurrency. */
  lowered(requested: number): LoweredPace | undefined {
    const nowMs = Date.now();
    const fullMs = fullAgainMs(this.#periods, nowMs);
    if (fullMs === undefined) return undefined;
    return {
      concurrency: this.within(requested),
      notBefore: new Date(this.createsNotBeforeMs).toISOString(),
      fullAt: new Date(fullMs).toISOString(),
    };
  }

  /** Records that a create of the batch met a 429. */
  slowDown(met: SlowPeriod): void {
    const isKnown = this.#periods.some(
      ({ metAtMs, untilMs }) => metAtMs <= met.metAtMs && met.untilMs <= untilMs + SAME_BURST_MS,
    );
    this.#periods = withSlowPeriod(this.#periods, met);
    this.#growBack();
    if (!isKnown) this.#onChange('slower');
  }

  #growBack(): void {
    this.#grow().catch(() => undefined);
  }

  /** One timer a step; none at full pace. */
  async #grow(): Promise<void> {
    if (this.#grows) return;
    this.#grows = true;
    for (;;) {
      const atMs = nextGrowthMs(this.#periods, Date.now());
      if (atMs === undefined) break;
      await sleep(Math.max(1, atMs - Date.now()));
      this.#onChange('faster');
    }
    this.#grows = false;
  }
}
