import { condition } from '@temporalio/workflow';
import type { RunningShard } from '../open-shards.js';
import type { TrialEnd } from '../../protocol/shard-messages.js';

/** A trial costs a generation: soon there is one an hour. */
const LONGEST_WAIT_MS = 3_600_000;

/** Lets one row continue now and then while a batch is held for its failure rate, until one gets its image. */
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
    /** Lets a shard make a trial. */
    readonly allow: (shard: number, trial: number) => void;
    readonly mayBuy: () => boolean;
  }) {
    this.#firstWaitMs = options.firstWaitMs;
    this.#openShards = options.openShards;
    this.#allow = options.allow;
    this.#mayBuy = options.mayBuy;
  }

  /** Takes in the result of a trial. */
  take({ trial, verdict }: TrialEnd): void {
    if (trial === this.#trial) this.#verdict = verdict;
  }

  /** Returns once a row has got its image, or `isHeld` no longer holds. The waits double up to an hour; `onWait` hears until when. */
  async untilImage(isHeld: () => boolean, onWait: (untilMs: number) => void): Promise<void> {
    for (let waitMs = this.#firstWaitMs; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
      onWait(Date.now() + waitMs);
      await condition(() => !isHeld(), waitMs);
      await condition(() => !isHeld() || this.#mayBuy());
      if (!isHeld() || (await this.#tryOneRow(isHeld)) === 'image') return;
    }
  }

  /** Asks one shard after the other until one has a row to try. */
  async #tryOneRow(isHeld: () => boolean): Promise<TrialEnd['verdict']> {
    for (const { shard, execution } of this.#openShards()) {
      // Grows also over a reset, as the numbers of controls do.
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
