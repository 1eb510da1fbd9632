import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dealSlots,
  MAX_SHARD_WINDOW,
  maxOpenShards,
  rowsToStart,
  slotsToGiveBack,
  slotsToKeep,
  slotsToRelease,
  windowSize,
} from '../../../../src/domain/batch/window.js';
import { OpenShards } from '../../../../src/workflows/batch/open-shards.js';
import type { ShardControl, ShardReport } from '../../../../src/workflows/protocol/shard-messages.js';
import { ReportContents } from '../../../../src/workflows/shard/messages/report-contents.js';
import { ShardHolds } from '../../../../src/workflows/shard/messages/shard-holds.js';
import { commonControl } from '../../../support/batches/shard-control.js';

/** A shard's rows by phase, with the real window arithmetic and messages. */
class ModelShard {
  readonly holds: ShardHolds;
  readonly reports: ReportContents;
  queued: number;
  inFlight = 0;
  waiting = 0;
  releasesDone = 0;

  constructor(shard: number, control: ShardControl, rows: number) {
    this.holds = new ShardHolds(control);
    this.reports = new ReportContents({ runSeq: 1, shard, firstRunId: 'run' }, this.holds);
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

  /** Its report, if it returns slots now. */
  release(): ShardReport | undefined {
    const { window, owed } = this.holds;
    const { inFlight, waiting, releasesDone } = this;
    const early = this.queued > 0 ? 0 : slotsToRelease({ window, inFlight, waiting, releasesDone });
    if (early > 0) {
      this.releasesDone += 1;
      this.reports.exhaust();
    }
    const slots = early + slotsToGiveBack({ window, owed, inFlight });
    if (slots === 0) return undefined;
    this.holds.giveBack(slots);
    return this.reports.next(0);
  }
}

type Message =
  | { readonly to: 'shard'; readonly shard: number; readonly control: ShardControl }
  | { readonly to: 'batch'; readonly report: ShardReport };

/** A batch and its shards with a network that loses nothing, and delays, reorders and repeats everything. */
class ModelBatch {
  concurrency: number;
  readonly rowsOf: readonly number[];
  readonly shards = new Map<number, ModelShard>();
  readonly network: Message[] = [];
  readonly open = new OpenShards({
    common: commonControl,
    budgetOf: () => undefined,
    send: (shard, control) => this.network.push({ to: 'shard', shard, control }),
    runId: () => 'run',
  });
  nextShard = 0;

  constructor(concurrency: number, rowsOf: readonly number[]) {
    this.concurrency = concurrency;
    this.rowsOf = rowsOf;
    this.deal();
  }

  deal(): void {
    const { concurrency, nextShard, open } = this;
    const plan = dealSlots({ concurrency, openShards: open.all, nextShard, shardCount: this.rowsOf.length });
    for (const { shard, granted } of plan.raise) open.grant(shard, granted);
    for (const { shard, granted } of plan.open) {
      this.nextShard = shard + 1;
      const rows = this.rowsOf[shard] ?? 0;
      const control = open.open({ shard, rows, granted });
      this.shards.set(shard, new ModelShard(shard, control, rows));
      open.started(shard, control, 'run');
    }
    for (const { shard, keep } of slotsToKeep(concurrency, open.all)) open.limit(shard, keep);
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
      this.shards.get(message.shard)?.reports.take(message.control);
      this.release(message.shard);
    } else if (this.open.takeReport(message.report)) this.deal();
  }

  release(shard: number): void {
    const report = this.shards.get(shard)?.release();
    if (report) this.network.push({ to: 'batch', report });
  }

  /** Runs one step of one shard. */
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
    this.release(name);
    if (!shard.isDone) return;
    this.shards.delete(name);
    this.open.close(name);
    this.deal();
  }

  get realWindows(): number {
    return [...this.shards.values()].reduce((sum, { holds }) => sum + holds.window + holds.owed, 0);
  }

  get dealt(): number {
    return this.open.all.reduce((sum, { slots }) => sum + windowSize(slots), 0);
  }

  get isDone(): boolean {
    return this.open.all.length === 0 && this.nextShard === this.rowsOf.length;
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

  it('shrink to a lower concurrency once rows in flight have ended', () => {
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

  it('let every batch finish from any state', () => {
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

describe('window slots', () => {
  it('never exceed the concurrency in sum, however messages are delayed, reordered and repeated', () => {
    fc.assert(
      fc.property(batches, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        for (const one of moves) {
          if (one.kind === 'deliver') batch.deliver(one.at, one.keep);
          else batch.step(one.at, one.action);
          expect(batch.realWindows).toBeLessThanOrEqual(concurrency);
          expect(batch.dealt).toBeLessThanOrEqual(concurrency);
          expect(batch.open.all.length).toBeLessThanOrEqual(maxOpenShards(concurrency));
          for (const { holds, inFlight } of batch.shards.values()) {
            expect(inFlight).toBeLessThanOrEqual(holds.window);
            expect(holds.window).toBeGreaterThanOrEqual(1);
            expect(holds.window).toBeLessThanOrEqual(MAX_SHARD_WINDOW);
          }
        }
      }),
    );
  });

  it('are all assigned while shards wait to be opened, once messages have arrived', () => {
    fc.assert(
      fc.property(batches, ({ concurrency, rowsOf, moves }) => {
        const batch = new ModelBatch(concurrency, rowsOf);
        for (const one of moves) {
          if (one.kind === 'deliver') batch.deliver(one.at, one.keep);
          else batch.step(one.at, one.action);
        }
        while (batch.network.length > 0) batch.deliver(0, false);
        const mayOpen = batch.nextShard < rowsOf.length && batch.open.all.length < maxOpenShards(concurrency);
        expect(mayOpen ? batch.dealt : concurrency).toBe(concurrency);
      }),
    );
  });

  it('let every batch finish from any state', () => {
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

  it('are returned at half free, at most the free ones, and not again', () => {
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
