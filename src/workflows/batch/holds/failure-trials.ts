import { condition } from '@temporalio/workflow';
import type { RunningShard } from '../open-shards.js';
import type { TrialEnd } from '../../protocol/shard-messages.js';

/** Each trial costs a generation; the interval soon grows to an hour. */
const LONGEST_WAIT_MS = 3_600_000;

/** While a batch is held for its failure rate, lets one row continue from time to time, until a row gets its image. */
export class FailureTrials {
  readonly #firstWaitMs: number;
  readonly #openShards: () => readonly RunningShard[];
  readonly #allow: (shard: number, trial: number) => void;
  readonly #mayBuy: () => boolean;
  #trial = 0;
  #verdict: TrialEnd['verdict'] | undefined;

  constructor(options: {
    readonly firstWaitMs: number;
    readonly openShards: () => readonly RunningShard[];
    /** Allows a shard one trial. */
    readonly allow: (shard: number, trial: number) => void;
    readonly mayBuy: () => boolean;
  }) {
    this.#firstWaitMs = options.firstWaitMs;
    this.#openShards = options.openShards;
    this.#allow = options.allow;
    this.#mayBuy = options.mayBuy;
  }

  /** Takes the result of a trial. */
  take({ trial, verdict }: TrialEnd): void {
    if (trial === this.#trial) this.#verdict = verdict;
  }

  /** Returns once a row has got its image or `isHeld` is false. The wait doubles up to an hour; `onWait` gets its end. */
  async untilImage(isHeld: () => boolean, onWait: (untilMs: number) => void): Promise<void> {
    for (let waitMs = this.#firstWaitMs; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
      onWait(Date.now() + waitMs);
      await condition(() => !isHeld(), waitMs);
      await condition(() => !isHeld() || this.#mayBuy());
      if (!isHeld() || (await this.#tryOneRow(isHeld)) === 'image') return;
    }
  }

  /** Asks the shards in turn until one has a row to try. */
  async #tryOneRow(isHeld: () => boolean): Promise<TrialEnd['verdict']> {
    for (const { shard, execution } of this.#openShards()) {
      // Also increases after a reset, like the numbers of controls.
      this.#trial = Math.max(this.#trial + 1, Date.now());
      this.#verdict = undefined;
      const isOpen = (): boolean =>
        this.#openShards().some((open) => open.shard === shard && open.execution === execution);
      if (!isHeld() || !this.#mayBuy() || !isOpen()) continue;
      this.#allow(shard, this.#trial);
      await condition(() => this.#verdict !== undefined || !isHeld() || !isOpen());
      const verdict: TrialEnd['verdict'] | undefined = this.#verdict;
      if (verdict !== undefined && verdict !== 'none') return verdict;
    }
    return 'none';
  }
}
