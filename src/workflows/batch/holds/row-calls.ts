import { condition } from '@temporalio/workflow';
import type { OpenShards } from '../open-shards.js';
import type { ProbeCandidate, RowNeed, RowOffer, ShardSpeaker } from '../../protocol/shard-messages.js';

type Offer = Omit<RowOffer, keyof ShardSpeaker>;

/** Of more rows that fail together no one can say that the fault is theirs. */
const MOST_LEFT_TO_REPLAY = 2;

/** Asks the open shards for rows by which a probe can see whose fault a fault is. */
export class RowCalls {
  readonly #shards: Pick<OpenShards, 'all' | 'callRows'>;
  #calls: Promise<void> = Promise.resolve();
  #id = 0;
  #offer: Offer | undefined;

  constructor(shards: Pick<OpenShards, 'all' | 'callRows'>) {
    this.#shards = shards;
  }

  get #answered(): Offer | undefined {
    return this.#offer;
  }

  /** Takes in a shard's answer. */
  take(offer: Offer): void {
    if (offer.call === this.#id) this.#offer = offer;
  }

  /**
   * Asks one shard after the other until one has rows. Where none has, and at most two rows are left to buy, creates may be
   * repeated: of more, an outage must not be told by what a service may answer in spite of one. `mayReplay`: that means something for what is held.
   */
  othersFor(
    need: RowNeed,
    { mayReplay, isWanted }: { readonly mayReplay: boolean; readonly isWanted: () => boolean },
  ): Promise<readonly ProbeCandidate[]> {
    // One call at a time: holds of several scopes would miss their answers.
    const asked = this.#calls.then(() => this.#ask(need, mayReplay, isWanted));
    this.#calls = asked.then(
      () => undefined,
      () => undefined,
    );
    return asked;
  }

  async #ask(need: RowNeed, mayReplay: boolean, isWanted: () => boolean): Promise<readonly ProbeCandidate[]> {
    const replays: ProbeCandidate[] = [];
    let leftToBuy = 0;
    for (const { shard, execution, isStarted } of this.#shards.all) {
      const isOpen = (): boolean =>
        this.#shards.all.some((open) => open.shard === shard && open.execution === execution);
      if (!isStarted || !isWanted() || !isOpen()) continue;
      // Grows also over a reset, as the numbers of controls do.
      this.#id = Math.max(this.#id + 1, Date.now());
      this.#offer = undefined;
      this.#shards.callRows(shard, { id: this.#id, need });
      await condition(() => this.#answered !== undefined || !isWanted() || !isOpen());
      const offer = this.#answered;
      if (!offer) continue;
      if (offer.others.length > 0) return offer.others;
      replays.push(...offer.replays);
      leftToBuy += offer.leftToBuy;
    }
    return mayReplay && leftToBuy <= MOST_LEFT_TO_REPLAY ? replays : [];
  }
}
