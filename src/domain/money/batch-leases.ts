import {
  committedOf,
  imagesBought,
  isLater,
  unknownIn,
  type Lease,
  type LeaseBook,
  type LeaseCall,
  type LeaseControl,
  type LeaseReport,
} from './budget.js';

/** A shard's lease report with the execution that sent it, as the batch counts them. */
export type BroughtWord = LeaseReport & { readonly execution: number };

/** The sums of a book of leases. Amounts in millionths. */
export interface LeaseSums {
  readonly committed: number;
  readonly images: number;
  /** The part of the committed amount that may be unspent, which nobody knows. */
  readonly unknown: number;
}

/** The book's answer to some reports: the leases concerned, and its sums. */
export interface LeaseAnswer extends LeaseSums {
  readonly leases: readonly Pick<Lease, 'id' | 'run' | 'granted' | 'returned'>[];
}

/** The part of the book that concerns the leases of `words`. */
export function answerTo(book: LeaseBook, words: readonly LeaseReport[]): LeaseAnswer {
  const ids = new Set(words.map(({ id }) => id));
  return {
    leases: book
      .filter(({ id }) => ids.has(id))
      .map(({ id, run, granted, returned }) => ({ id, run, granted, returned })),
    committed: committedOf(book),
    images: imagesBought(book),
    unknown: unknownIn(book),
  };
}

interface Heard {
  readonly word: BroughtWord;
  readonly answer?: LeaseAnswer['leases'][number];
  /** The report has not been sent to the book yet. */
  readonly isNew: boolean;
}

/** What a batch knows of its shards' leases. It may be lost: the book and the shards have the authoritative state. */
export class BatchLeases {
  readonly #heard = new Map<number, Heard>();
  /** The last reports of leases that others have replaced. */
  #superseded: BroughtWord[] = [];
  #sums: LeaseSums | undefined;

  /** From the book's last answer; undefined before the first. */
  get sums(): LeaseSums | undefined {
    return this.#sums;
  }

  /** Takes a shard's report; one older than the last has no effect. */
  hear(word: BroughtWord): void {
    const before = this.#heard.get(word.shard);
    if (before && !isLater(word, before.word)) return;
    const isSame = before?.word.id === word.id;
    if (before?.isNew && !isSame) this.#superseded.push(before.word);
    this.#heard.set(word.shard, {
      word,
      isNew: true,
      ...(isSame && before.answer && { answer: before.answer }),
    });
  }

  /** Whether the book needs an update: money is returned, or a shard wants more than was granted. */
  get isNewsForBook(): boolean {
    return (
      this.#superseded.length > 0 ||
      [...this.#heard.values()].some(
        ({ word, answer, isNew }) =>
          isNew &&
          (word.want !== undefined ||
            word.returned > (answer?.returned ?? 0) ||
            isUnheardOf(word, answer) ||
            isVoid(word, answer)),
      )
    );
  }

  /**
   * The reports for the book: those that it has not got, and again those with ungranted requests. Requests of shards
   * that are not open in that execution are dropped.
   */
  words(open: readonly { readonly shard: number; readonly execution: number }[]): readonly LeaseReport[] {
    const executions = new Map(open.map(({ shard, execution }) => [shard, execution]));
    const isOpen = ({ shard, execution }: BroughtWord): boolean => executions.get(shard) === execution;
    const latest = [...this.#heard.values()].filter(
      (heard) => heard.isNew || (isWanting(heard) && isOpen(heard.word)),
    );
    const words = [...this.#superseded, ...latest.map(({ word }) => word)];
    this.#superseded = [];
    for (const [shard, heard] of this.#heard) this.#heard.set(shard, { ...heard, isNew: false });
    return words.map((brought) => {
      const { execution: _, want, ...word } = brought;
      return { ...word, ...(want && isOpen(brought) && { want }) };
    });
  }

  /** Takes the book's answer; returns the shards whose leases have changed. */
  take({ leases, ...sums }: LeaseAnswer): readonly number[] {
    this.#sums = sums;
    const byId = new Map(leases.map((lease) => [lease.id, lease]));
    return [...this.#heard].flatMap(([shard, heard]) => {
      const answer = byId.get(heard.word.id);
      if (!answer) return [];
      this.#heard.set(shard, { ...heard, answer });
      const isChanged = answer.granted !== heard.answer?.granted || isVoid(heard.word, answer);
      return isChanged ? [shard] : [];
    });
  }

  /** The lease state to send to a shard; undefined before the book's first answer about it. */
  controlOf(shard: number, cap: number): LeaseControl | undefined {
    const heard = this.#heard.get(shard);
    if (!heard?.answer) return undefined;
    const { id, run, granted } = heard.answer;
    return { id, run, granted, isVoid: isVoid(heard.word, heard.answer), call: this.call(cap) };
  }

  /** What shards must return. */
  call(cap: number): LeaseCall {
    if ((this.#sums?.committed ?? 0) > cap) return 'all';
    return [...this.#heard.values()].some(isStarved) ? 'spare' : 'nothing';
  }

  /** The price of the cheapest next image if no open shard can buy one for lack of money; undefined if one can, or may soon. */
  stoppedAt(open: readonly { readonly shard: number; readonly execution: number }[]): number | undefined {
    const prices: number[] = [];
    for (const { shard, execution } of open) {
      const heard = this.#heard.get(shard);
      if (!heard || heard.word.execution !== execution || heard.word.state === 'working') return undefined;
      if (heard.word.state !== 'starved') continue;
      if (!isStarved(heard)) return undefined;
      prices.push(heard.word.price);
    }
    return prices.length > 0 ? Math.min(...prices) : undefined;
  }
}

/** Money was granted to it while its last report was on its way. */
function isUnheardOf({ isLast, spent }: LeaseReport, answer: Heard['answer']): boolean {
  return isLast === true && answer !== undefined && answer.granted - answer.returned > spent;
}

function isVoid(word: LeaseReport, answer: Heard['answer']): boolean {
  return answer !== undefined && answer.run !== word.run;
}

function isWanting({ word, answer }: Heard): boolean {
  return word.want !== undefined && (answer?.granted ?? 0) < word.want.needed;
}

/** It has reported that it can buy nothing, and the book has not changed that. */
function isStarved({ word, answer, isNew }: Heard): boolean {
  return (
    !isNew && word.state === 'starved' && answer !== undefined && answer.granted < (word.want?.least ?? 0)
  );
}
