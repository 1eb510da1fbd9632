import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dealSlots,
  MAX_SHARD_WINDOW,
  firstSlots,
  maxOpenShards,
  recallSlots,
  rowsToStart,
  slotsToGiveBack,
  slotsToRelease,
  windowSize,
  type OpenShard,
  type Slots,
} from '../../../../src/domain/batch/window.js';
import type { ShardControl } from '../../../../src/workflows/protocol/shard-messages.js';
import { ShardHolds } from '../../../../src/workflows/shard/shard-control.js';
import { shardControl } from '../../../support/batches/shard-control.js';

const control = (seq: number, slots: Slots): ShardControl => shardControl({ seq, slots });

/** A shard's rows by where they are, over the real window arithmetic. */
class ModelShard {
  readonly holds: ShardHolds;
  queued: number;
  inFlight = 0;
  waiting = 0;
  releasesDone = 0;

  constructor(granted: number, rows: number) {
    this.holds = new ShardHolds(control(0, firstSlots(granted)));
    this.queued = rows;
  }

  get isDone(): boolean {
    return this.queued + this.inFlight + this.waiting === 0;
  }

  start(): void {
    const count = rowsToStart({ window: this.holds.window, inFlight: this.inFlight, copying: 0 });
    const started = Math.min(count, this.queued);
    this.queued -= started;
    this.inFlight += started;
  }

  /** What it tells of its slots, where it gives some back now. */
  release(): Given | undefined {
    const { window, owed } = this.holds;
    const { inFlight, waiting, releasesDone } = this;
    const early = this.queued > 0 ? 0 : slotsToRelease({ window, inFlight, waiting, releasesDone });
    const recalled = slotsToGiveBack({ window, owed, inFlight });
    if (early > 0) {
      this.releasesDone += 1;
      this.holds.release(early);
    }
    if (recalled > 0) this.holds.giveBack(recalled);
    return early + recalled > 0 ? { ...this.holds.given, exhausted: early > 0 } : undefined;
  }
}

interface Given {
  readonly released: number;
  readonly recallAnswered: number;
  readonly exhausted: boolean;
}

type Message =
  | { readonly to: 'shard'; readonly shard: number; readonly control: ShardControl }
  | { readonly to: 'parent'; readonly shard: number; readonly given: Given };

/** A parent and its shards with a network that loses nothing, and delays, reorders and repeats everything. */
class ModelBatch {
  concurrency: number;
  readonly rowsOf: readonly number[];
  readonly open = new Map<number, OpenShard & { readonly seq: number }>();
  readonly shards = new Map<number, ModelShard>();
  readonly network: Message[] = [];
  nextShard = 0;

  constructor(concurrency: number, rowsOf: readonly number[]) {
    this.concurrency = concurrency;
    this.rowsOf = rowsOf;
    this.deal();
  }

  deal(): void {
    const { concurrency, nextShard } = this;
    const openShards = [...this.open.values()];
    const plan = dealSlots({ concurrency, openShards, nextShard, shardCount: this.rowsOf.length });
    for (const { shard, granted } of plan.raise) this.tell(shard, { granted });
    for (const { shard, granted } of plan.open) {
      this.nextShard = shard + 1;
      this.open.set(shard, { shard, seq: 0, exhausted: false, slots: firstSlots(granted) });
      this.shards.set(shard, new ModelShard(granted, this.rowsOf[shard] ?? 0));
    }
    for (const { shard, recalled } of recallSlots(concurrency, [...this.open.values()])) {
      this.tell(shard, { recalled });
    }
  }

  tell(shard: number, change: Partial<Slots>): void {
    const running = this.open.get(shard);
    if (!running) throw new Error('A closed shard was told of slots.');
    const seq = running.seq + 1;
    const slots = { ...running.slots, ...change };
    this.open.set(shard, { ...running, seq, slots });
    this.network.push({ to: 'shard', shard, control: control(seq, slots) });
  }

  set(concurrency: number): void {
    this.concurrency = concurrency;
    this.deal();
  }

  deliver(at: number, keep: boolean): void {
    const message = this.network[at % Math.max(1, this.network.length)];
    if (!message) return;
    if (!keep) this.network.splice(at % this.network.length, 1);
    if (message.to === 'shard') {
      const holds = this.shards.get(message.shard)?.holds;
      const before = holds?.given.recallAnswered ?? 0;
      holds?.take(message.control);
      if (holds && holds.given.recallAnswered > before) {
        const given = { ...holds.given, exhausted: false };
        this.network.push({ to: 'parent', shard: message.shard, given });
      }
      return;
    }
    const running = this.open.get(message.shard);
    if (!running) return;
    const { released, recallAnswered, exhausted } = message.given;
    const slots = {
      ...running.slots,
      released: Math.max(released, running.slots.released),
      recallAnswered: Math.max(recallAnswered, running.slots.recallAnswered),
    };
    this.open.set(message.shard, { ...running, slots, exhausted: running.exhausted || exhausted });
    this.deal();
  }

  /** Lets one shard go on by one step. */
  step(at: number, action: 'start' | 'end' | 'regenerate' | 'requeue' | 'refuse'): void {
    const [name, shard] = [...this.shards][at % Math.max(1, this.shards.size)] ?? [];
    if (name === undefined || !shard) return;
    if (action === 'start') shard.start();
    else if (action === 'requeue' && shard.waiting > 0) {
      shard.waiting -= 1;
      shard.queued += 1;
    } else if (action !== 'requeue' && shard.inFlight > 0) {
      shard.inFlight -= 1;
      if (action === 'regenerate') shard.waiting += 1;
      if (action === 'refuse') shard.queued += 1;
    }
    const given = shard.release();
    if (given) this.network.push({ to: 'parent', shard: name, given });
    if (!shard.isDone) return;
    this.shards.delete(name);
    this.open.delete(name);
    this.deal();
  }

  get realWindows(): number {
    return [...this.shards.values()].reduce((sum, { holds }) => sum + holds.window + holds.owed, 0);
  }

  get dealt(): number {
    return [...this.open.values()].reduce((sum, { slots }) => sum + windowSize(slots), 0);
  }

  get isDone(): boolean {
    return this.open.size === 0 && this.nextShard === this.rowsOf.length;
  }
}

const move = fc.oneof(
  fc.record({ kind: fc.constant('deliver' as const), at: fc.nat(50), keep: fc.boolean() }),
  fc.record({
    kind: fc.constant('step' as const),
    at: fc.nat(50),
    action: fc.constantFrom('start', 'end', 'end', 'regenerate', 'requeue', 'refuse'),
  }),
);

const moveOrSet = fc.oneof(
  { arbitrary: move, weight: 20 },
  {
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      concurrency: fc.integer({ min: 1, max: 420 }),
    }),
    weight: 1,
  },
);

const batches = fc.record({
  concurrency: fc.integer({ min: 1, max: 420 }),
  rowsOf: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
  moves: fc.array(move, { maxLength: 250 }),
});

const release = (inFlight: number, waiting: number, releasesDone: number, window = 100): number =>
  slotsToRelease({ window, inFlight, waiting, releasesDone });

type Move = typeof moveOrSet extends fc.Arbitrary<infer Value> ? Value : never;

function go(batch: ModelBatch, one: Move): void {
  if (one.kind === 'set') batch.set(one.concurrency);
  else if (one.kind === 'deliver') batch.deliver(one.at, one.keep);
  else batch.step(one.at, one.action);
}

function settle(batch: ModelBatch): void {
  while (batch.network.length > 0) batch.deliver(0, false);
}

describe('the slots of a batch whose concurrency is changed', () => {
  const changed = fc.record({
    concurrency: fc.integer({ min: 1, max: 420 }),
    rowsOf: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
    moves: fc.array(moveOrSet, { maxLength: 250 }),
  });
  it('never exceed the highest concurrency, nor does a shard have more rows in flight than slots', () => {
    fc.assert(
      fc.property(changed, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        let highest = concurrency;
        for (const one of moves) {
          if (one.kind === 'set') highest = Math.max(highest, one.concurrency);
          go(batch, one);
          expect(batch.realWindows).toBeLessThanOrEqual(highest);
          for (const { holds, inFlight } of batch.shards.values()) {
            expect(inFlight).toBeLessThanOrEqual(holds.window + holds.owed);
            expect(holds.window).toBeGreaterThanOrEqual(0);
          }
        }
      }),
    );
  });

  it('come down to a lower concurrency once the rows in flight have ended', () => {
    fc.assert(
      fc.property(changed, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        for (const one of moves) go(batch, one);
        settle(batch);
        for (let round = 0; round < 2_000; round++) {
          batch.step(round, 'end');
          settle(batch);
        }
        expect(batch.realWindows).toBeLessThanOrEqual(batch.concurrency);
      }),
      { numRuns: 50 },
    );
  });

  it('let every batch finish from wherever it has come to', () => {
    fc.assert(
      fc.property(changed, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        for (const one of moves) go(batch, one);
        for (let round = 0; !batch.isDone && round < 10_000; round++) {
          settle(batch);
          for (const action of ['requeue', 'start', 'end'] as const) batch.step(round, action);
        }
        expect(batch.isDone).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the slots of a batch', () => {
  it('never let the windows of all shards exceed the concurrency, however messages are delayed, reordered and repeated', () => {
    fc.assert(
      fc.property(batches, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        for (const one of moves) {
          if (one.kind === 'deliver') batch.deliver(one.at, one.keep);
          else batch.step(one.at, one.action);
          expect(batch.realWindows).toBeLessThanOrEqual(concurrency);
          expect(batch.dealt).toBeLessThanOrEqual(concurrency);
          expect(batch.open.size).toBeLessThanOrEqual(maxOpenShards(concurrency));
          for (const { holds, inFlight } of batch.shards.values()) {
            expect(inFlight).toBeLessThanOrEqual(holds.window);
            expect(holds.window).toBeGreaterThanOrEqual(1);
            expect(holds.window).toBeLessThanOrEqual(MAX_SHARD_WINDOW);
          }
        }
      }),
    );
  });

  it('are all dealt while shards wait to be opened, as soon as messages have arrived', () => {
    fc.assert(
      fc.property(batches, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        for (const one of moves) {
          if (one.kind === 'deliver') batch.deliver(one.at, one.keep);
          else batch.step(one.at, one.action);
        }
        while (batch.network.length > 0) batch.deliver(0, false);
        const mayOpen = batch.nextShard < rowsOf.length && batch.open.size < maxOpenShards(concurrency);
        expect(mayOpen ? batch.dealt : concurrency).toBe(concurrency);
      }),
    );
  });

  it('let every batch finish from wherever it has come to', () => {
    fc.assert(
      fc.property(batches, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        for (const one of moves) {
          if (one.kind === 'deliver') batch.deliver(one.at, one.keep);
          else batch.step(one.at, one.action);
        }
        for (let round = 0; !batch.isDone && round < 10_000; round++) {
          while (batch.network.length > 0) batch.deliver(0, false);
          for (const action of ['requeue', 'start', 'end'] as const) batch.step(round, action);
        }
        expect(batch.isDone).toBe(true);
        expect(batch.dealt).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('are given back at half free, at most free, and then no more', () => {
    expect(release(51, 0, 0)).toBe(0);
    expect(release(50, 0, 0)).toBe(50);
    expect(release(11, 0, 1, 50)).toBe(0);
    expect(release(10, 0, 1, 50)).toBe(40);
    expect(release(0, 0, 2, 50)).toBe(0);
    expect(release(0, 0, 0, 1)).toBe(0);
  });

  it('are kept for a quarter of the rows that wait for another generation', () => {
    expect(release(30, 20, 0)).toBe(65);
    expect(release(0, 1, 0)).toBe(99);
    expect(release(30, 100, 0)).toBe(0);
  });

  it('start no row while more than twice the window waits to be copied', () => {
    expect(rowsToStart({ window: 10, inFlight: 3, copying: 20 })).toBe(7);
    expect(rowsToStart({ window: 10, inFlight: 3, copying: 21 })).toBe(0);
    expect(rowsToStart({ window: 10, inFlight: 12, copying: 0 })).toBe(0);
  });
});
