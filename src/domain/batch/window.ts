/** Maximum number of jobs in flight of one shard. Source: measured; more completions in one burst make workflow tasks fail. */
export const MAX_SHARD_WINDOW = 100;

/** Maximum number of images of one batch; more would exceed Temporal's history limits. */
export const MAX_BATCH_ROWS = 1_000_000;

const LEAST_SHARD_ROWS = 500;
const MOST_SHARD_ROWS = 1000;

/**
 * Rows per shard for a batch of this many. At most 1,000 rows a shard and 1,000 shards keep a million rows within
 * Temporal's history limits: a shard has some 13 events a row, a batch some 30 a shard.
 */
export function shardLength(batchRows: number): number {
  return Math.min(MOST_SHARD_ROWS, Math.max(LEAST_SHARD_ROWS, Math.ceil(batchRows / 1000)));
}

/** Maximum of open shards: as many as the concurrency fills, plus two that finish their last rows. */
export function maxOpenShards(concurrency: number): number {
  return Math.ceil(concurrency / MAX_SHARD_WINDOW) + 2;
}

/**
 * The slots of one open shard. `granted` and `returned` only grow, so messages about them may be repeated and
 * overtaken: only the batch raises `granted`, only the shard raises `returned`, and a reader with an old `returned`
 * sees a window that is too large, never one that is too small.
 */
export interface Slots {
  readonly granted: number;
  readonly returned: number;
  /** The shard returns what it has beyond this many, as its rows in flight end. */
  readonly keep: number;
}

/** The slots of a shard that is about to be opened. */
export function firstSlots(granted: number): Slots {
  return { granted, returned: 0, keep: MAX_SHARD_WINDOW };
}

/** Maximum number of jobs in flight. */
export function windowSize(slots: Pick<Slots, 'granted' | 'returned'>): number {
  return slots.granted - slots.returned;
}

/** The parent's view of an open shard. */
export interface OpenShard {
  readonly shard: number;
  readonly slots: Slots;
  /** The shard has started its last row and wants no more slots. */
  readonly exhausted: boolean;
}

/** What a parent does with its free slots: raise the grants of open shards, or open new ones with a first grant. */
export interface SlotPlan {
  readonly raise: readonly { readonly shard: number; readonly granted: number }[];
  readonly open: readonly { readonly shard: number; readonly granted: number }[];
}

/**
 * Distributes the free slots: first to open shards up to their maximum, then to new shards.
 * The total of the windows never exceeds `concurrency`.
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
    // A shard that has returned all slots after a recall may have a row that continues with another generation.
    const wanted = exhausted ? 1 : MAX_SHARD_WINDOW;
    const more = Math.min(free, wanted - windowSize(slots));
    if (more <= 0) continue;
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

/**
 * The shards whose `keep` has to change, so that the windows together come down to a concurrency that was lowered:
 * each keeps about an equal share. Without an excess, nobody returns anything.
 */
export function slotsToKeep(
  concurrency: number,
  openShards: readonly OpenShard[],
): readonly { readonly shard: number; readonly keep: number }[] {
  const held = openShards.reduce((sum, { slots }) => sum + windowSize(slots), 0);
  const share = Math.floor(concurrency / openShards.length);
  const spare = concurrency % openShards.length;
  return openShards.flatMap(({ shard, slots }, index) => {
    const keep = held <= concurrency ? MAX_SHARD_WINDOW : share + (index < spare ? 1 : 0);
    const window = windowSize(slots);
    return Math.min(window, keep) === Math.min(window, slots.keep) ? [] : [{ shard, keep }];
  });
}

/** The free share of a window at which a shard returns slots: the first time, and the second and last. */
const RELEASE_SHARES = [0.5, 0.8];

/**
 * Slots that a shard returns early, once it has started its last row: at half free, and again when most are free. It
 * keeps what its rows in flight need, plus a quarter of the need of its rows waiting for another generation, since
 * their delays are spread; at least one slot.
 */
export function slotsToRelease(input: {
  readonly window: number;
  readonly inFlight: number;
  /** Rows that will need a slot again within seconds. */
  readonly waiting: number;
  readonly releasesDone: number;
}): number {
  const { window, inFlight, waiting, releasesDone } = input;
  const share = RELEASE_SHARES[releasesDone];
  const free = window - Math.max(1, inFlight + Math.ceil(waiting / 4));
  return share !== undefined && free > 0 && free >= Math.floor(window * share) ? free : 0;
}

/** Fewer slots are returned together with the next ones, since each message costs events. */
const LEAST_GIVEN_BACK = 5;

/** Slots that a shard owes and can return now, because no row in flight needs them. `window` excludes the owed ones. */
export function slotsToGiveBack(input: {
  readonly window: number;
  readonly owed: number;
  readonly inFlight: number;
}): number {
  const { window, owed, inFlight } = input;
  const free = Math.min(owed, Math.max(0, window + owed - inFlight));
  return free >= Math.min(owed, LEAST_GIVEN_BACK) ? free : 0;
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
