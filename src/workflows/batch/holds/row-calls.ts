import { condition } from '@temporalio/workflow';
import type { OpenShards } from '../open-shards.js';
import type { ProbeCandidate, RowNeed, RowOffer } from '../../protocol/shard-messages.js';

/** What the open shards offer for a probe. */
export interface OfferedRows {
  readonly rows: readonly ProbeCandidate[];
  /** Only rows that are known to fail by themselves are left, and nothing can show more: the hold protects no row. */
  readonly isForNobody: boolean;
}

interface HowToAsk {
  readonly mayReplay: boolean;
  readonly isLater: boolean;
  readonly isWanted: () => boolean;
}

/** If more rows than this fail together, the fault may not be theirs: at first, and when the probe has tried each of them. */
const MOST_LEFT_TO_REPLAY = 2;
const MOST_LEFT_TO_REPLAY_LATER = 5;

/** Asks the open shards for rows that let a probe see whose fault a fault is. */
export class RowCalls {
  readonly #shards: Pick<OpenShards, 'all' | 'callRows'>;
  #calls: Promise<void> = Promise.resolve();
  #id = 0;
  #offer: RowOffer | undefined;

  constructor(shards: Pick<OpenShards, 'all' | 'callRows'>) {
    this.#shards = shards;
  }

  get #answered(): RowOffer | undefined {
    return this.#offer;
  }

  /** Takes a shard's answer. */
  take(offer: RowOffer): void {
    if (offer.call === this.#id) this.#offer = offer;
  }

  /**
   * Asks the shards in turn until one has rows. If none has, and few rows are left to buy, creates may be repeated;
   * with more rows left, a repeated create proves too little, since a service can answer it during an outage.
   * `mayReplay`: a repeated create says something about the held scope; `isLater`: all other rows have been tried.
   */
  othersFor(need: RowNeed, how: HowToAsk): Promise<OfferedRows> {
    // One call at a time: otherwise holds of several scopes would miss their answers.
    const answer = this.#calls.then(() => this.#ask(need, how));
    this.#calls = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  async #ask(need: RowNeed, { mayReplay, isLater, isWanted }: HowToAsk): Promise<OfferedRows> {
    const replays: ProbeCandidate[] = [];
    const doubtful: ProbeCandidate[] = [];
    let leftToBuy = 0;
    let unfinished = 0;
    const answered = new Set<number>();
    for (const { shard, execution, isStarted } of this.#shards.all) {
      const isOpen = (): boolean =>
        this.#shards.all.some((open) => open.shard === shard && open.execution === execution);
      if (!isStarted || !isWanted() || !isOpen()) continue;
      // Also increases after a reset, like the numbers of controls.
      this.#id = Math.max(this.#id + 1, Date.now());
      this.#offer = undefined;
      this.#shards.callRows(shard, { id: this.#id, need });
      await condition(() => this.#answered !== undefined || !isWanted() || !isOpen());
      const offer = this.#answered;
      if (!offer) continue;
      if (offer.others.length > 0) return { rows: offer.others, isForNobody: false };
      replays.push(...offer.replays);
      doubtful.push(...offer.doubtful);
      leftToBuy += offer.leftToBuy;
      unfinished += offer.unfinished;
      answered.add(shard);
    }
    const mostLeft = isLater ? MOST_LEFT_TO_REPLAY_LATER : MOST_LEFT_TO_REPLAY;
    if (mayReplay && leftToBuy <= mostLeft && replays.length > 0) {
      return { rows: replays, isForNobody: false };
    }
    const areAll = answered.size > 0 && this.#shards.all.every(({ shard }) => answered.has(shard));
    return { rows: doubtful, isForNobody: areAll && unfinished === 0 };
  }
}
