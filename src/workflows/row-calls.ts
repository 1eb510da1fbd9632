import { condition } from '@temporalio/workflow';
import type { OpenShards } from './open-shards.js';
import type { ProbeCandidate, RowNeed, RowOffer } from './shard-messages.js';

/** Asks the open shards for rows by which a probe can see whose fault a fault is. */
export class RowCalls {
  readonly #shards: Pick<OpenShards, 'all' | 'callRows'>;
  readonly #offers = new Map<number, readonly ProbeCandidate[]>();
  #id = 0;

  constructor(shards: Pick<OpenShards, 'all' | 'callRows'>) {
    this.#shards = shards;
  }

  /** Takes in a shard's answer. */
  take({ call, others }: Pick<RowOffer, 'call' | 'others'>): void {
    if (this.#offers.has(call)) this.#offers.set(call, others);
  }

  /** Asks one shard after the other until one has rows; none where no shard has. `except`: the shard that is known to have none. */
  async othersFor(
    need: RowNeed,
    except: number | undefined,
    isWanted: () => boolean,
  ): Promise<readonly ProbeCandidate[]> {
    for (const { shard, execution, isStarted } of this.#shards.all) {
      const isOpen = (): boolean =>
        this.#shards.all.some((open) => open.shard === shard && open.execution === execution);
      if (shard === except || !isStarted || !isWanted() || !isOpen()) continue;
      // Grows also over a reset, as the numbers of controls do.
      const id = Math.max(this.#id + 1, Date.now());
      this.#id = id;
      this.#offers.set(id, []);
      const unanswered = this.#offers.get(id);
      this.#shards.callRows(shard, { id, need });
      await condition(() => this.#offers.get(id) !== unanswered || !isWanted() || !isOpen());
      const others = this.#offers.get(id) ?? [];
      this.#offers.delete(id);
      if (others.length > 0) return others;
    }
    return [];
  }
}
