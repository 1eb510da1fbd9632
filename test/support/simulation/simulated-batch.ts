import { NO_HOLDS, raiseHold, releaseHold, isHeld, type HoldState } from '../../../src/domain/batch/holds.js';
import { dealSlots, slotsToKeep, windowSize } from '../../../src/domain/batch/window.js';
import { BatchMoney, type RaisedTotal } from '../../../src/domain/money/batch-money.js';
import { OpenShards } from '../../../src/workflows/batch/open-shards.js';
import { TakenReports } from '../../../src/workflows/batch/taken-reports.js';
import type { ShardControl, ShardReport } from '../../../src/workflows/protocol/shard-messages.js';

/** An event for a batch. */
export type BatchInput =
  | { readonly kind: 'report'; readonly report: ShardReport }
  /** What Temporal reports of a child, by its first run. */
  | { readonly kind: 'started' | 'ended' | 'terminated'; readonly shard: number; readonly run: string }
  /** A shard that it cannot start runs already; one that is no longer its child is not running. */
  | { readonly kind: 'already-running' | 'gone'; readonly shard: number }
  | { readonly kind: 'raised'; readonly answer: RaisedTotal }
  | { readonly kind: 'concurrency'; readonly concurrency: number }
  | { readonly kind: 'cap'; readonly cap: number }
  /** Its first budget, with what the ended shards have bought. */
  | { readonly kind: 'late-cap'; readonly cap: number; readonly spent: number }
  /** What was bought by shards that ended before they reported it. */
  | { readonly kind: 'counted'; readonly shards: readonly number[]; readonly spent: number }
  | { readonly kind: 'paused'; readonly paused: boolean }
  /** A probe has found that the service works. */
  | { readonly kind: 'works' };

/** A change of the number in the bucket. */
export interface Raise {
  readonly id: string;
  readonly from: number;
  readonly by: number;
}

/** What a batch sends. */
export interface BatchOutput {
  readonly controls: readonly { readonly shard: number; readonly control: ShardControl }[];
  readonly starts: readonly { readonly shard: number; readonly control: ShardControl }[];
  readonly raise: Raise | undefined;
}

export interface BatchStart {
  readonly concurrency: number;
  /** Undefined for a batch without a budget. */
  readonly cap: number | undefined;
  readonly rowsOf: readonly number[];
}

/** The workflow of a batch: its real open shards, slots, holds, money and reports, without Temporal. */
export class SimulatedBatch {
  readonly log: { readonly input: BatchInput; readonly atMs: number }[] = [];
  readonly open: OpenShards;
  readonly money = new BatchMoney();
  readonly #start: BatchStart;
  readonly #run: string;
  readonly #reports: TakenReports;
  readonly #uncounted = new Set<number>();
  #isLate = false;
  #counting: number[] = [];
  #concurrency: number;
  #cap: number | undefined;
  #paused = false;
  #holds: HoldState = NO_HOLDS;
  #nextShard = 0;
  #raises = 0;
  #raising: Raise | undefined;
  #call = 'nothing';
  #controls: { shard: number; control: ShardControl }[] = [];
  #starts: { shard: number; control: ShardControl }[] = [];
  readonly #starting = new Map<number, ShardControl>();

  constructor(start: BatchStart, run: string) {
    this.#start = start;
    this.#run = run;
    this.#concurrency = start.concurrency;
    this.#cap = start.cap;
    this.open = new OpenShards({
      common: () => ({
        paused: this.#paused,
        cancelling: false,
        heldScopes: this.#holds.holds.map(({ scope }) => scope),
        holdSeq: this.#holds.seq,
        maxFailureRate: 100,
      }),
      budgetOf: (shard) => {
        if (this.#cap === undefined) return undefined;
        const lease = this.money.controlOf(shard, this.#cap);
        const countsPast = this.#hasNotReported(shard) && { countsPast: true as const };
        return { prices: [], ...countsPast, ...(lease && { lease }) };
      },
      send: (shard, control) => this.#controls.push({ shard, control }),
      runId: () => this.#run,
    });
    this.#reports = new TakenReports({
      budget: { take: (report) => this.#hear(report) },
      holds: {
        take: (fault) => {
          const before = this.#holds;
          const now = { seenSeq: fault.holdSeq, now: '' };
          this.#holds = raiseHold(before, fault.cause, now);
          if (this.#holds !== before) this.open.sendControl();
          return isHeld(this.#holds, fault.cause.scope);
        },
        calls: { take: () => undefined } as never,
      },
      pace: { slowDown: () => undefined },
      trials: { take: () => undefined },
      shards: { open: this.open, deal: () => this.#deal(), replaced: (shard) => this.#replaced(shard) },
    });
  }

  /** Its first step. */
  begin(): BatchOutput {
    this.#deal();
    return this.#output();
  }

  /** The same batch reset to an earlier moment. */
  resetTo(events: number, run: string, at: (nowMs: number) => void): SimulatedBatch {
    const restored = new SimulatedBatch(this.#start, run);
    restored.begin();
    for (const { input, atMs } of this.log.slice(0, events)) {
      at(atMs);
      restored.take(input, atMs);
    }
    return restored;
  }

  /** Shards that it has not heard to have started. */
  get starting(): ReadonlyMap<number, ShardControl> {
    return this.#starting;
  }

  /** The raise that it waits for. */
  get raising(): Raise | undefined {
    return this.#raising;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  get isHeld(): boolean {
    return this.#holds.holds.length > 0;
  }

  get isOver(): boolean {
    return this.open.all.length === 0 && this.#nextShard === this.#start.rowsOf.length && this.isCounted;
  }

  get unopened(): number {
    return this.#start.rowsOf.length - this.#nextShard;
  }

  get dealt(): number {
    return this.open.all.reduce((sum, { slots }) => sum + windowSize(slots), 0);
  }

  /** The price of the next image if it stopped for lack of money. */
  get stoppedAt(): number | undefined {
    if (this.#cap === undefined || !this.isCounted) return undefined;
    return this.money.stoppedAt(this.#cap, this.open.all);
  }

  get hasBudget(): boolean {
    return this.#cap !== undefined;
  }

  /** Ended shards whose spending it reads from the bucket. */
  get counting(): readonly number[] {
    return this.#counting;
  }

  /** Whether it knows all that was bought before it had a budget. */
  get isCounted(): boolean {
    return this.#uncounted.size === 0;
  }

  take(input: BatchInput, nowMs: number): BatchOutput {
    this.log.push({ input, atMs: nowMs });
    switch (input.kind) {
      case 'report': {
        const { shard } = input.report;
        const wasAdopted = this.open.get(shard)?.isAdopted;
        this.#reports.take(input.report);
        if (wasAdopted && !this.open.get(shard)?.isAdopted) this.#startNext(shard);
        break;
      }
      case 'started': {
        const control = this.#starting.get(input.shard);
        if (control) this.open.started(input.shard, control, input.run);
        this.#starting.delete(input.shard);
        this.#deal();
        break;
      }
      case 'already-running':
        this.#starting.delete(input.shard);
        if (this.#hasNotReported(input.shard)) this.#uncounted.add(input.shard);
        this.open.adopted(input.shard);
        break;
      case 'gone':
        if (this.open.get(input.shard)?.isAdopted) this.#startNext(input.shard);
        break;
      case 'ended':
        if (!this.#isAwaited(input)) break;
        this.open.close(input.shard);
        if (this.#hasNotReported(input.shard)) {
          this.#uncounted.add(input.shard);
          this.#counting.push(input.shard);
        }
        this.#deal();
        break;
      case 'terminated':
        if (!this.#isAwaited(input)) break;
        this.#begin(input.shard, this.open.windowOf(input.shard));
        this.#deal();
        break;
      case 'raised':
        this.#raising = undefined;
        for (const shard of this.money.settle(input.answer)) this.open.sendTo(shard);
        break;
      case 'concurrency':
        this.#concurrency = input.concurrency;
        this.#deal();
        break;
      case 'cap':
        this.#cap = input.cap;
        this.open.sendControl();
        break;
      case 'late-cap':
        this.#isLate = true;
        this.#cap = input.cap;
        this.money.addPast({ spent: input.spent, images: 0 });
        for (const { shard } of this.open.all) this.#uncounted.add(shard);
        this.open.sendControl();
        break;
      case 'counted':
        this.money.addPast({ spent: input.spent, images: 0 });
        for (const shard of input.shards) this.#uncounted.delete(shard);
        this.#counting = this.#counting.filter((shard) => !input.shards.includes(shard));
        break;
      case 'paused':
        this.#paused = input.paused;
        this.open.sendControl();
        break;
      case 'works':
        this.#holds = releaseHold(this.#holds, 'service');
        this.open.sendControl();
    }
    return this.#output();
  }

  #hasNotReported(shard: number): boolean {
    return this.#isLate && !this.money.hasReported(shard);
  }

  #hear(report: Parameters<BatchMoney['take']>[0]): void {
    if (this.#cap === undefined) return;
    const isNewest = this.money.take(report);
    this.#uncounted.delete(report.shard);
    if (!isNewest || this.money.isVoid(report.shard)) this.open.sendTo(report.shard);
  }

  #deal(): void {
    const { open } = this;
    const concurrency = this.#concurrency;
    const shardCount = this.#start.rowsOf.length;
    const plan = dealSlots({ concurrency, openShards: open.all, nextShard: this.#nextShard, shardCount });
    for (const { shard, granted } of plan.raise) open.grant(shard, granted);
    for (const { shard, granted } of plan.open) {
      this.#nextShard = shard + 1;
      this.#begin(shard, granted);
    }
    for (const { shard, keep } of slotsToKeep(concurrency, open.all)) open.limit(shard, keep);
  }

  #begin(shard: number, granted: number): void {
    const rows = this.#start.rowsOf[shard] ?? 0;
    const control = this.open.open({ shard, rows, granted });
    this.#startChild(shard, control);
  }

  #isAwaited({ shard, run }: { readonly shard: number; readonly run: string }): boolean {
    return this.open.get(shard)?.childRunId === run;
  }

  #startNext(shard: number): void {
    this.#startChild(shard, this.open.controlOfNext(shard));
  }

  #startChild(shard: number, control: ShardControl): void {
    this.#starting.set(shard, control);
    this.#starts.push({ shard, control });
  }

  /** As `ShardRuns` does it. */
  #replaced(shard: number): void {
    if (this.open.get(shard)?.childRunId === undefined) return;
    this.open.replaced(shard);
    this.#startNext(shard);
  }

  #output(): BatchOutput {
    let raise: Raise | undefined;
    if (this.#cap !== undefined) {
      const grants = this.#raising || !this.isCounted ? undefined : this.money.plan(this.#cap, this.open.all);
      if (grants) {
        raise = { id: `${this.#run}/${++this.#raises}`, from: this.money.total, by: grants.by };
        this.#raising = raise;
        this.money.begin(grants);
      }
      const call = this.money.call(this.#cap);
      if (call !== this.#call) this.open.sendControl();
      this.#call = call;
    }
    const output = { controls: this.#controls, starts: this.#starts, raise };
    this.#controls = [];
    this.#starts = [];
    return output;
  }
}
