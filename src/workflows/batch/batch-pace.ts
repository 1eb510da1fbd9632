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

/** Shards that meet 429s of one burst are told of the first alone; each of their rows waits for its own. */
const SAME_BURST_MS = 500;

/** The pace of a batch: lowered where the service asks for that by 429s, and grown back by itself. */
export class BatchPace {
  readonly #onChange: (pace: 'slower' | 'faster') => void;
  #periods: readonly SlowPeriod[];
  #grows = false;

  /** To be made within a scope that nothing cancels. */
  constructor(options: {
    readonly periods: readonly SlowPeriod[];
    /** Called when the concurrency has changed; `slower`: creates must wait as well. */
    readonly onChange: (pace: 'slower' | 'faster') => void;
  }) {
    this.#periods = options.periods;
    this.#onChange = options.onChange;
    this.#growBack();
  }

  /** What a new workflow run of the batch begins with. */
  get periods(): readonly SlowPeriod[] {
    return periodsInForce(this.#periods, Date.now());
  }

  get createsNotBeforeMs(): number {
    return createsNotBeforeMs(this.#periods);
  }

  /** How much of the asked concurrency may be used now. */
  within(asked: number): number {
    return pacedConcurrency(asked, this.#periods, Date.now());
  }

  /** Undefined while it is what was asked for. */
  lowered(asked: number): LoweredPace | undefined {
    const nowMs = Date.now();
    const fullMs = fullAgainMs(this.#periods, nowMs);
    if (fullMs === undefined) return undefined;
    return {
      concurrency: this.within(asked),
      notBefore: new Date(this.createsNotBeforeMs).toISOString(),
      fullAt: new Date(fullMs).toISOString(),
    };
  }

  /** Takes in that a create of the batch met a 429. */
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

  /** One timer a step, and none once the pace is back. */
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
