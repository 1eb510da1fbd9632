/** Most rows with an unfinished job in one shard. Source: measured, more completions in one burst fail workflow tasks. */
export const MAX_SHARD_WINDOW = 100;

/** Most images of one batch; more would not fit Temporal's history limits. */
export const MAX_BATCH_ROWS = 1_000_000;

const LEAST_SHARD_ROWS = 500;
const MOST_SHARD_ROWS = 1000;

/**
 * Rows worked through together by one shard, for a batch of so many. At most 1,000 rows a shard and 1,000 shards keep
 * a million rows inside Temporal's history limits: a shard has some 13 events a row, a batch some 30 a shard.
 */
export function shardLength(batchRows: number): number {
  return Math.min(MOST_SHARD_ROWS, Math.max(LEAST_SHARD_ROWS, Math.ceil(batchRows / 1000)));
}

/** Most shards that may be open at once: as many as the concurrency fills, and two that finish their stragglers. */
export function maxOpenShards(concurrency: number): number {
  return Math.ceil(concurrency / MAX_SHARD_WINDOW) + 2;
}

/**
 * The slots of one open shard. Both numbers only grow, so messages about them may repeat and overtake
 * each other: the parent alone raises `granted`, the shard alone raises `released`, and a reader with an old
 * `released` sees a window that is too large, never one that is too small.
 */
export interface Slots {
  readonly granted: number;
  readonly released: number;
}

/** Rows that may have an unfinished job at once. */
export function windowSize(slots: Slots): number {
  return slots.granted - slots.released;
}

/** An open shard as its parent knows it. */
export interface OpenShard {
  readonly shard: number;
  readonly slots: Slots;
  /** It has started its last row and wants no more slots. */
  readonly exhausted: boolean;
}

/** What a parent does next with its free slots: raise the grants of open shards, or open new ones with a first grant. */
export interface SlotPlan {
  readonly raise: readonly { readonly shard: number; readonly granted: number }[];
  readonly open: readonly { readonly shard: number; readonly granted: number }[];
}

/**
 * Deals the free slots: first to open shards up to their maximum, then to new shards.
 * The windows together never exceed `concurrency`.
 */
export function dealSlots(input: {
  readonly concurrency: number;
  readonly openShards: readonly OpenShard[];
  readonly nextShard: number;
  readonly shardCount: number;
}): SlotPlan {
  const { concurrency, openShards, nextShard, shardCount } = input;
  let free = concurrency - openShards.reduce((sum, shard) => sum + windowSize(shard.slots), 0);
  const raise: { shard: number; granted: number }[] = [];
  const open: { shard: number; granted: number }[] = [];
  for (const { shard, slots, exhausted } of openShards) {
    const more = Math.min(free, MAX_SHARD_WINDOW - windowSize(slots));
    if (exhausted || more <= 0) continue;
    raise.push({ shard, granted: slots.granted + more });
    free -= more;
  }
  const openable = Math.min(maxOpenShards(concurrency) - openShards.length, shardCount - nextShard);
  for (let i = 0; i < openable && free > 0; i++) {
    const granted = Math.min(free, MAX_SHARD_WINDOW);
    open.push({ shard: nextShard + i, granted });
    free -= granted;
  }
  return { raise, open };
}

/** How much of its window must be free before a shard gives slots back: the first time, and the second and last. */
const RELEASE_SHARES = [0.5, 0.8];

/**
 * Slots that a shard gives back early, once it has started its last row: at half free, and again when most are free.
 * It keeps what its rows in flight need and a quarter of what its rows waiting for another generation would, since
 * their delays are spread; one slot at least.
 */
export function slotsToRelease(input: {
  readonly window: number;
  readonly inFlight: number;
  /** Rows that will need a slot again, seconds from now. */
  readonly waiting: number;
  readonly releasesDone: number;
}): number {
  const { window, inFlight, waiting, releasesDone } = input;
  const share = RELEASE_SHARES[releasesDone];
  const free = window - Math.max(1, inFlight + Math.ceil(waiting / 4));
  return share !== undefined && free > 0 && free >= Math.floor(window * share) ? free : 0;
}

/** Rows that may start now: within the window, and only while copying keeps up with buying. */
export function rowsToStart(input: {
  readonly window: number;
  readonly inFlight: number;
  readonly copying: number;
}): number {
  const { window, inFlight, copying } = input;
  if (copying > 2 * window) return 0;
  return Math.max(0, window - inFlight);
}
