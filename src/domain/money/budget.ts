import { compareDecimals, totalOf } from './decimal.js';

/**
 * How the money of a budget is leased to the shards of a batch. Amounts are whole millionths (see `decimal.ts`).
 *
 * A shard buys only with what is leased to it, and the leases together never exceed the budget. A lease's numbers only
 * grow, and each has one writer: `granted` the book, `returned` the shard. So words about them may come late, twice, in any
 * order or not at all, and the batch may forget what it knew: no one ever counts as free what someone may still spend.
 */

/** What one workflow run of a shard was given to spend. */
export interface Lease {
  /** Drawn by the shard's workflow run. */
  readonly id: string;
  /** The workflow run that drew it: another one that speaks for it was reset to a time when it had spent less. */
  readonly run: string;
  readonly shard: number;
  /** Grows from one execution of the shard to the next. */
  readonly epoch: number;
  readonly granted: number;
  readonly returned: number;
  /** Its workflow run has ended: it is granted nothing more, and what it did not spend has come back. */
  readonly isOver?: true;
  /** By its last word: what it was spent for so far, and how many images that are. */
  readonly heard: { readonly seq: number; readonly spent: number; readonly images: number };
}

/** All leases of a run of a batch. */
export type LeaseBook = readonly Lease[];

/** How much a shard would have been granted in total; all count from its lease's beginning, so that asking twice changes nothing. */
export interface LeaseWant {
  /** Less is of no use to it. */
  readonly least: number;
  /** Then it can work for a while. */
  readonly needed: number;
  /** More it could not spend. */
  readonly most: number;
}

/**
 * What keeps a shard: `working` it can buy, or will soon; `starved` all that it could buy costs more than it has;
 * `blocked` all that it has to buy must wait for something else than money; `done` it has nothing to buy.
 */
export type LeaseState = 'working' | 'starved' | 'blocked' | 'done';

/** What a shard says of its lease; a later one (by `epoch`, then by `seq`) replaces it. */
export interface LeaseReport {
  readonly epoch: number;
  readonly seq: number;
  readonly shard: number;
  readonly id: string;
  /** The workflow run that speaks. */
  readonly run: string;
  readonly returned: number;
  readonly spent: number;
  readonly images: number;
  readonly state: LeaseState;
  /** The workflow run ends, and what it has spent is all that it will. */
  readonly isLast?: true;
  /** What its next image costs; of one that has none to buy: 0. */
  readonly price: number;
  /** Absent: it has enough. */
  readonly want?: LeaseWant;
}

/** What a shard is told of its lease. */
export interface LeaseControl {
  readonly id: string;
  readonly run: string;
  readonly granted: number;
  /** The shard's workflow was reset: what it believes to have is not so. It is to draw a new lease. */
  readonly isVoid: boolean;
  readonly call: LeaseCall;
}

/** What shards are to give back: nothing, what they cannot use while others are in want, or all that is unspent. */
export type LeaseCall = 'nothing' | 'spare' | 'all';

/** What of a budget can no longer be leased: spent, or leased and not given back. */
export function committedOf(book: LeaseBook): number {
  return book.reduce((sum, { granted, returned }) => sum + granted - returned, 0);
}

/** How many images were bought, as far as the shards have told. */
export function imagesBought(book: LeaseBook): number {
  return book.reduce((sum, { heard }) => sum + heard.images, 0);
}

/**
 * What of the committed amount went to leases of executions that have ended without saying what they spent last: it may be
 * unspent, and counts as spent.
 */
export function unknownIn(book: LeaseBook): number {
  const newest = newestByShard(book);
  return book
    .filter((lease) => newest.get(lease.shard) !== lease)
    .reduce((sum, { granted, returned, heard }) => sum + Math.max(0, granted - returned - heard.spent), 0);
}

/** What one shard gets at once of what is not leased yet, where that is more than it needs: asking costs history. */
const SHARE = 1 / 8;

/**
 * The book after some words: what was returned is free again, and what is asked for is granted as far as `cap` allows, to
 * shards that can buy nothing before others, and to earlier ones before later ones. Told the same words again, or older
 * ones, it grants nothing more to what has been granted.
 */
export function leased(book: LeaseBook, cap: number, words: readonly LeaseReport[]): LeaseBook {
  const leases = new Map(book.map((lease) => [lease.id, lease]));
  for (const word of words) leases.set(word.id, heard(leases.get(word.id), word));
  const newest = newestByShard(leases.values());
  const asking = words
    .flatMap(({ id, run, shard, state, want }) => {
      const lease = leases.get(id);
      const mayHave = lease?.run === run && !lease.isOver && newest.get(shard) === lease;
      return want && lease && mayHave && lease.granted < want.needed
        ? [{ lease, want, isStarved: state === 'starved' }]
        : [];
    })
    .toSorted((a, b) => Number(b.isStarved) - Number(a.isStarved) || a.lease.shard - b.lease.shard);
  let free = cap - committedOf([...leases.values()]);
  for (const { lease, want } of asking) {
    const least = Math.max(1, want.least - lease.granted);
    if (free < least) continue;
    const sought = Math.max(want.needed - lease.granted, Math.floor(free * SHARE));
    const granted = Math.min(free, sought, Math.max(least, want.most - lease.granted));
    leases.set(lease.id, { ...lease, granted: lease.granted + granted });
    free -= granted;
  }
  return [...leases.values()];
}

/** A lease after a word about it; a word of a workflow run that was reset says nothing of what is free. */
function heard(lease: Lease | undefined, word: LeaseReport): Lease {
  const { id, run, shard, epoch, seq, returned, spent, images, isLast } = word;
  if (!lease) {
    // What was never granted cannot come back.
    return { id, run, shard, epoch, granted: 0, returned: 0, heard: { seq, spent, images } };
  }
  if (lease.run !== run) return lease;
  // Of what was granted while it said so it has heard nothing.
  const back = isLast ? lease.granted - spent : Math.min(returned, lease.granted);
  return {
    ...lease,
    returned: Math.max(lease.returned, back),
    ...(isLast && { isOver: true }),
    ...(seq > lease.heard.seq && { heard: { seq, spent, images } }),
  };
}

function newestByShard(leases: Iterable<Lease>): ReadonlyMap<number, Lease> {
  const newest = new Map<number, Lease>();
  for (const lease of leases) {
    const known = newest.get(lease.shard);
    if (!known || isLater({ ...lease, seq: lease.heard.seq }, { ...known, seq: known.heard.seq })) {
      newest.set(lease.shard, lease);
    }
  }
  return newest;
}

/** Whether a word was said after another one of the same shard. */
export function isLater(
  one: Pick<LeaseReport, 'epoch' | 'seq'>,
  other: Pick<LeaseReport, 'epoch' | 'seq'>,
): boolean {
  return one.epoch === other.epoch ? one.seq > other.seq : one.epoch > other.epoch;
}

/** The result of a budget, for people: decimal strings. */
export interface BudgetStatus {
  /** What the run may cost. */
  readonly cap: string;
  /** Spent, or leased to shards that may spend it. */
  readonly committed: string;
  /** Images that were bought for it, as far as the shards have told. */
  readonly images: number;
  /** What of it was leased to shards that were ended from outside, and may be unspent; absent: nothing. */
  readonly unknown?: string;
}

/** Why a batch is stopped whose budget does not pay for the next image, and how it continues. */
export function spentText(batchId: string, status: BudgetStatus, next: string): string {
  const { cap, committed, images, unknown } = status;
  const lost = unknown === undefined ? '' : ` (${unknown} of it reserved by terminated shards)`;
  const reached = compareDecimals(committed, cap) > 0 ? committed : cap;
  const more = totalOf([{ amount: compareDecimals(reached, '0') > 0 ? reached : next, times: 2 }]);
  const whole = more.replace(/\.00$/, '');
  return `The budget of ${cap} is spent: ${committed} for ${images} image${images === 1 ? '' : 's'}${lost}; the next image costs ${next}. Continue with: banana-batch set ${batchId} --budget ${whole}`;
}
