import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dealSlots,
  MAX_SHARD_WINDOW,
  maxOpenShards,
  rowsToStart,
  slotsToRelease,
  windowSize,
  type OpenShard,
} from '../../src/domain/window.js';
import type { ShardControl } from '../../src/workflows/messages.js';
import { ShardHolds } from '../../src/workflows/shard-holds.js';

const control = (seq: number, granted: number): ShardControl => ({
  seq,
  granted,
  paused: false,
  cancelling: false,
  heldScopes: [],
  holdSeq: 0,
  faultsTaken: 0,
});

/** A shard's rows by where they are, over the real window arithmetic. */
class ModelShard {
  readonly holds: ShardHolds;
  queued: number;
  inFlight = 0;
  waiting = 0;
  releasesDone = 0;

  constructor(granted: number, rows: number) {
    this.holds = new ShardHolds(control(0, granted));
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

  /** The slots released since the shard began, where it releases some now. */
  release(): number | undefined {
    if (this.queued > 0) return undefined;
    const slots = slotsToRelease({
      window: this.holds.window,
      inFlight: this.inFlight,
      waiting: this.waiting,
      releasesDone: this.releasesDone,
    });
    if (slots === 0) return undefined;
    this.releasesDone += 1;
    return this.holds.release(slots);
  }
}

type Message =
  | { readonly to: 'shard'; readonly shard: number; readonly control: ShardControl }
  | { readonly to: 'parent'; readonly shard: number; readonly released: number };

/** A parent and its shards with a network that loses nothing, and delays, reorders and repeats everything. */
class ModelBatch {
  readonly concurrency: number;
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
    for (const { shard, granted } of plan.raise) {
      const running = this.open.get(shard);
      if (!running) throw new Error('A closed shard was granted slots.');
      const seq = running.seq + 1;
      this.open.set(shard, { ...running, seq, slots: { ...running.slots, granted } });
      this.network.push({ to: 'shard', shard, control: control(seq, granted) });
    }
    for (const { shard, granted } of plan.open) {
      this.nextShard = shard + 1;
      this.open.set(shard, { shard, seq: 0, exhausted: false, slots: { granted, released: 0 } });
      this.shards.set(shard, new ModelShard(granted, this.rowsOf[shard] ?? 0));
    }
  }

  deliver(at: number, keep: boolean): void {
    const message = this.network[at % Math.max(1, this.network.length)];
    if (!message) return;
    if (!keep) this.network.splice(at % this.network.length, 1);
    if (message.to === 'shard') {
      this.shards.get(message.shard)?.holds.take(message.control);
      return;
    }
    const running = this.open.get(message.shard);
    if (!running) return;
    const slots = { ...running.slots, released: Math.max(message.released, running.slots.released) };
    this.open.set(message.shard, { ...running, slots, exhausted: true });
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
    const released = shard.release();
    if (released !== undefined) this.network.push({ to: 'parent', shard: name, released });
    if (!shard.isDone) return;
    this.shards.delete(name);
    this.open.delete(name);
    this.deal();
  }

  get realWindows(): number {
    return [...this.shards.values()].reduce((sum, { holds }) => sum + holds.window, 0);
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

const batches = fc.record({
  concurrency: fc.integer({ min: 1, max: 420 }),
  rowsOf: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
  moves: fc.array(move, { maxLength: 250 }),
});

const release = (inFlight: number, waiting: number, releasesDone: number, window = 100): number =>
  slotsToRelease({ window, inFlight, waiting, releasesDone });

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
