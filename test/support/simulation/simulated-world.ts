import { maxOpenShards } from '../../../src/domain/batch/window.js';
import type { ShardControl, ShardReport } from '../../../src/workflows/protocol/shard-messages.js';
import { SimulatedBatch, type BatchInput, type BatchOutput, type Raise } from './simulated-batch.js';
import { SimulatedShard, type ShardInput, type ShardOutput } from './simulated-shard.js';
import { seeded } from './seeded.js';

/** Parts of the world that a test may break, to check that this is noticed. */
export interface WorldRules {
  /** Creates check that the grant names their workflow run. */
  readonly checksGrants: boolean;
}

interface Create {
  readonly shard: number;
  readonly run: string;
  readonly row: number;
  readonly leasedTo: string | undefined;
}

interface Report {
  readonly report: ShardReport;
  /** The workflow run that sent it. */
  readonly run: string;
}

/** Steps of a schedule before it finishes. */
const STEPS = 40;

/** The schedules of these seeds that break a promise, with the problem; at most `most`. */
export function brokenSchedules(
  seeds: { readonly first: number; readonly count: number },
  most: number,
  rules?: WorldRules,
): readonly string[] {
  const broken: string[] = [];
  const { now } = Date;
  try {
    for (let seed = seeds.first; seed < seeds.first + seeds.count && broken.length < most; seed++) {
      const problem = new SimulatedWorld(seed, rules).run(STEPS);
      if (problem !== undefined) broken.push(`seed ${seed}: ${problem}`);
    }
  } finally {
    Date.now = now;
  }
  return broken;
}

/** Rounds in which every batch finishes, or stops for lack of money. */
const MOST_ROUNDS = 600;

/**
 * A batch, its shards, the number in the bucket and the service, by a seed: messages arrive late, repeatedly and out of
 * order, shards are terminated, reset and continued, the batch is reset, and people change settings at any time.
 */
class SimulatedWorld {
  readonly #random: () => number;
  readonly #rules: WorldRules;
  readonly #prices: readonly (readonly number[])[];
  /** The batch gets its first budget while it runs. */
  readonly #isLate: boolean;
  /** What was spent, or under way, when it was known what was bought without a budget. */
  #spentBefore = 0;
  #wasCounted = false;
  /**
   * Images that were bought without a budget by workflow runs of shards that were terminated or reset before they could
   * report them: they count once their rows are made again.
   */
  readonly #unreported = new Set<string>();
  #batch: SimulatedBatch;
  readonly #shards = new Map<number, SimulatedShard>();
  readonly #toBatch: Report[] = [];
  readonly #toShards: { readonly shard: number; readonly control: ShardControl }[] = [];
  readonly #creates: Create[] = [];
  readonly #strays: Raise[] = [];
  readonly #recorded = new Map<number, Set<number>>();
  /** Workflow runs that were terminated. */
  readonly #terminated = new Map<number, SimulatedShard | undefined>();
  /** The workflow run of each shard whose end Temporal reports to the batch. */
  readonly #children = new Map<number, SimulatedShard>();
  /** How children have ended, by their first run: Temporal reports it again to a batch that was reset. */
  readonly #endOf = new Map<string, 'ended' | 'terminated'>();
  /** Workflow runs of shards from which a report has reached the batch. */
  readonly #heard = new Set<string>();
  readonly #bought = new Set<string>();
  #spent = 0;
  #granted = 0;
  #lastChange = '';
  #runs = 0;
  #nowMs = 1_000_000;
  #highestConcurrency: number;
  #highestCap = 0;
  #wasReset = false;
  #problem: string | undefined;

  constructor(seed: number, rules: WorldRules = { checksGrants: true }) {
    this.#random = seeded(seed);
    this.#rules = rules;
    Date.now = () => this.#nowMs;
    this.#prices = Array.from({ length: 1 + this.#pick(4) }, () =>
      Array.from({ length: 1 + this.#pick(6) }, () => 1 + this.#pick(3)),
    );
    const kind = this.#random();
    const hasBudget = kind < 0.5;
    this.#isLate = kind > 0.7;
    const total = this.#prices.flat().reduce((sum, price) => sum + price, 0);
    const cap = hasBudget ? Math.floor(total * this.#random() * 1.3) : undefined;
    this.#highestCap = cap ?? Infinity;
    this.#highestCapNow = cap ?? 0;
    const concurrency = 1 + this.#pick(8);
    this.#highestConcurrency = concurrency;
    const rowsOf = this.#prices.map((rows) => rows.length);
    this.#batch = new SimulatedBatch({ concurrency, cap, rowsOf }, 'batch-1');
    this.#carryOut(this.#batch.begin());
  }

  /** Runs that many steps, then lets everything finish; returns what is wrong, or undefined. */
  run(steps: number): string | undefined {
    for (let step = 0; step < steps && this.#problem === undefined; step++) {
      this.#nowMs += 1_000;
      this.#step(this.#random());
      this.#check();
    }
    if (this.#problem === undefined) this.#finish();
    return this.#problem;
  }

  #pick(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #step(chance: number): void {
    const [index, shard] = [...this.#shards][this.#pick(this.#shards.size)] ?? [];
    if (chance < 0.2) this.#deliverReport();
    else if (chance < 0.4) this.#deliverControl();
    else if (chance < 0.6) this.#create(this.#random());
    else if (chance < 0.75) this.#raise();
    else if (chance < 0.78) this.#raiseStray();
    else if (chance < 0.82) this.#notify({ kind: 'works' });
    else if (chance < 0.84) this.#setConcurrency(1 + this.#pick(8));
    else if (chance < 0.86) this.#setCap();
    else if (chance < 0.88) this.#notify({ kind: 'paused', paused: this.#random() < 0.5 });
    else if (chance < 0.9) this.#resetBatch();
    else if (index === undefined || !shard) this.#count();
    else if (chance < 0.91) this.#price(index, shard);
    else if (chance < 0.95) this.#endJob(index, shard);
    else if (chance < 0.965) this.#continueAsNew(index, shard);
    else if (chance < 0.98) this.#resetShard(index, shard);
    else this.#terminate(index);
  }

  /** Everything is delivered, every job ends, and settings no longer change. */
  #finish(): void {
    this.#notify({ kind: 'paused', paused: false });
    for (let round = 0; round < MOST_ROUNDS && !this.#batch.isOver; round++) {
      this.#nowMs += 1_000;
      while (this.#toBatch.length > 0) this.#deliverReport(true);
      while (this.#toShards.length > 0) this.#deliverControl(true);
      for (let creates = this.#creates.length; creates > 0; creates--) this.#create(1);
      this.#raise(true);
      this.#tellWorks();
      this.#findGone();
      for (const [index, shard] of this.#shards) {
        this.#price(index, shard);
        this.#endJob(index, shard);
      }
      this.#count();
      this.#check();
      const isQuiet = this.#toBatch.length + this.#toShards.length + this.#creates.length === 0;
      if (isQuiet && !this.#batch.raising && round > 5 && this.#batch.stoppedAt !== undefined)
        this.#expectSpent();
      if (this.#problem !== undefined) return;
    }
    this.#raise(true);
    if (!this.#batch.isOver) this.#problem = 'the batch does not end';
    else this.#expectComplete();
  }

  /** The batch has stopped for lack of money, and continues with more. */
  #expectSpent(): void {
    const next = this.#batch.stoppedAt ?? 0;
    const { committed } = this.#batch.money.sums;
    const left = this.#highestCapNow - committed;
    if (next <= left) this.#problem = `it stopped with ${left} left, and the next image costs ${next}`;
    this.#setCap(Number.MAX_SAFE_INTEGER);
  }

  #expectComplete(): void {
    const rows = this.#prices.reduce((sum, prices) => sum + prices.length, 0);
    const settled = [...this.#recorded.values()].reduce((sum, { size }) => sum + size, 0);
    const total = this.#prices.flat().reduce((sum, price) => sum + price, 0);
    if (settled !== rows) this.#problem = `${settled} of ${rows} rows were settled`;
    if (this.#spent !== total) this.#problem = `${this.#spent} was spent for images of ${total}`;
    const { committed } = this.#batch.money.sums;
    if (this.#batch.hasBudget && committed < this.#spent) this.#problem = 'less is committed than was spent';
  }

  #check(): void {
    const inFlight = [...this.#shards.values()].reduce((sum, shard) => sum + shard.inFlight, 0);
    if (!this.#wasReset && inFlight > this.#highestConcurrency) {
      this.#problem = `${inFlight} rows are in flight, ${this.#highestConcurrency} are allowed`;
    }
    if (this.#batch.dealt > this.#highestConcurrency && !this.#wasReset)
      this.#problem = 'too many slots are dealt';
    // A batch that was reset knows nothing of a shard that it opened later, until it opens it again.
    const isHidden = [...this.#shards].some(([at, shard]) => !shard.isPriced && !this.#batch.open.get(at));
    const isCounted = this.#batch.hasBudget && this.#batch.isCounted && !isHidden;
    if (!isCounted) this.#spentBefore = this.#spent;
    else if (!this.#wasCounted)
      this.#spentBefore = Math.max(this.#spentBefore, this.#batch.money.sums.committed);
    this.#wasCounted = isCounted;
    const most = Math.max(this.#highestCap, this.#isLate ? this.#spentBefore : 0) + this.#unreportedPrice;
    if (this.#spent > most) this.#problem = `${this.#spent} was spent of ${most}`;
    const { unrecorded, total } = this.#batch.money;
    if (!this.#isLate && unrecorded > 0 && total + unrecorded > this.#granted)
      this.#problem = `${total + unrecorded} is granted, and the bucket says ${this.#granted}`;
    const { concurrency, open, unopened } = this.#batch;
    const isSettled = this.#toBatch.length + this.#toShards.length === 0;
    const mayOpen = unopened > 0 && open.all.length < maxOpenShards(concurrency);
    if (isSettled && mayOpen && this.#batch.dealt < concurrency) this.#problem = 'slots are lost';
  }

  #notify(input: BatchInput): void {
    this.#carryOut(this.#batch.take(input, this.#nowMs));
  }

  #tellWorks(): void {
    if (this.#batch.isHeld) this.#notify({ kind: 'works' });
  }

  #carryOut({ controls, starts }: BatchOutput): void {
    this.#toShards.push(...controls);
    for (const { shard, control } of starts) this.#startShard(shard, control);
  }

  #startShard(shard: number, control: ShardControl): void {
    if (this.#shards.has(shard)) {
      this.#notify({ kind: 'already-running', shard });
      return;
    }
    const run = `shard-${shard}-${++this.#runs}`;
    const begun = new SimulatedShard({
      shard,
      run,
      first: run,
      control,
      prices: this.#prices[shard] ?? [],
      done: new Set(this.#recorded.get(shard)),
      jobs: new Set(),
      doubtful: new Set(),
    });
    this.#shards.set(shard, begun);
    this.#children.set(shard, begun);
    this.#notify({ kind: 'started', shard, run });
    this.#follow(shard, begun, begun.begin(this.#nowMs));
  }

  #inform(index: number, shard: SimulatedShard, input: ShardInput): void {
    this.#follow(index, shard, shard.take(input, this.#nowMs));
  }

  #follow(index: number, shard: SimulatedShard, { creates, report, settled }: ShardOutput): void {
    for (const create of creates) this.#creates.push({ shard: index, run: shard.run, ...create });
    if (report) this.#toBatch.push({ report, run: shard.run });
    for (const row of settled) this.#recordedOf(index).add(row);
    if (shard.isDone) this.#endShard(index, shard);
  }

  #recordedOf(shard: number): Set<number> {
    const recorded = this.#recorded.get(shard) ?? new Set();
    this.#recorded.set(shard, recorded);
    return recorded;
  }

  /** It ends once its reports have arrived. */
  #endShard(index: number, shard: SimulatedShard): void {
    const { report } = shard.end(this.#nowMs);
    this.#deliverAllOf(shard.run);
    this.#shards.delete(index);
    this.#notify({ kind: 'report', report });
    // A workflow run that was reset after its end is no child any more.
    if (this.#children.get(index) === shard) this.#endChild('ended', index, shard);
  }

  #endChild(kind: 'ended' | 'terminated', shard: number, { start: { first: run } }: SimulatedShard): void {
    this.#endOf.set(run, kind);
    this.#notify({ kind, shard, run });
  }

  #deliverAllOf(run: string): void {
    for (const { report } of this.#toBatch.filter((one) => one.run === run))
      this.#notify({ kind: 'report', report });
  }

  #deliverReport(isLast = false): void {
    const at = this.#pick(this.#toBatch.length);
    const one = this.#toBatch[at];
    if (!one) return;
    if (isLast || this.#random() < 0.8) this.#toBatch.splice(at, 1);
    this.#heard.add(one.run);
    this.#notify({ kind: 'report', report: one.report });
  }

  #deliverControl(isLast = false): void {
    const at = this.#pick(this.#toShards.length);
    const one = this.#toShards[at];
    if (!one) return;
    if (isLast || this.#random() < 0.8) this.#toShards.splice(at, 1);
    const shard = this.#shards.get(one.shard);
    if (shard) this.#inform(one.shard, shard, { kind: 'control', control: one.control });
  }

  #create(chance: number): void {
    const [create] = this.#creates.splice(this.#pick(this.#creates.length), 1);
    if (!create) return;
    const { shard: index, run, row, leasedTo } = create;
    const shard = this.#shards.get(index);
    const isRefused = this.#rules.checksGrants && leasedTo !== undefined && leasedTo !== run;
    if (!isRefused && chance > 0.1) this.#buy(index, row, leasedTo === undefined && shard?.run !== run);
    // A workflow run that has ended or was reset receives nothing more.
    if (!shard || shard.run !== run) return;
    const result = isRefused ? 'not-leased' : chance > 0.2 ? 'job' : 'fault';
    this.#inform(index, shard, { kind: 'created', row, result });
  }

  /** `isStray`: by a create without a grant, of a workflow run that is gone. */
  #buy(shard: number, row: number, isStray: boolean): void {
    const key = `${shard}/${row}`;
    const price = this.#prices[shard]?.[row] ?? 0;
    // The same key is never charged twice.
    const isNew = !this.#bought.has(key);
    this.#bought.add(key);
    if (isNew) this.#spent += price;
    if (isNew && isStray && this.#isLate) this.#unreported.add(key);
    if (!isStray) this.#unreported.delete(key);
  }

  /** Notes what a shard bought that its next workflow run does not know of. */
  #forget(index: number, shard: SimulatedShard, next?: SimulatedShard): void {
    if (!this.#isLate || shard.isPriced) return;
    for (const row of this.#prices[index]?.keys() ?? []) {
      const isKnown = this.#recordedOf(index).has(row) || next?.rows[row]?.hasJob;
      const key = `${index}/${row}`;
      if (!isKnown && this.#bought.has(key)) this.#unreported.add(key);
    }
  }

  get #unreportedPrice(): number {
    return [...this.#unreported].reduce((sum, key) => {
      const [shard, row] = key.split('/').map(Number);
      return sum + (this.#prices[shard ?? 0]?.[row ?? 0] ?? 0);
    }, 0);
  }

  /** A shard that got a budget reads its prices, and what was recorded before it began. */
  #price(index: number, shard: SimulatedShard): void {
    if (!shard.isPricing) return;
    this.#inform(index, shard, { kind: 'priced', spent: this.#priceOfRows(index, shard.start.done) });
  }

  /** The batch reads what shards have bought that ended before they reported it. */
  #count(): void {
    const shards = this.#batch.counting;
    if (shards.length === 0) return;
    this.#notify({ kind: 'counted', shards, spent: this.#priceOfRecorded(shards) });
  }

  #priceOfRecorded(shards: readonly number[]): number {
    return shards.reduce((sum, shard) => sum + this.#priceOfRows(shard, this.#recordedOf(shard)), 0);
  }

  #priceOfRows(shard: number, rows: Iterable<number>): number {
    return [...rows].reduce((sum, row) => sum + (this.#prices[shard]?.[row] ?? 0), 0);
  }

  #endJob(index: number, shard: SimulatedShard): void {
    const row = shard.rows.findIndex(({ phase }) => phase === 'inFlight');
    if (row >= 0) this.#inform(index, shard, { kind: 'ended', row });
  }

  /** The answer of the activity may be lost with its worker: then it is repeated. */
  #raise(isLast = false): void {
    const { raising } = this.#batch;
    if (!raising) return;
    const answer = this.#change(raising);
    if (isLast || this.#random() < 0.8) this.#notify({ kind: 'raised', answer });
  }

  #raiseStray(): void {
    const stray = this.#strays.pop();
    if (stray) this.#change(stray);
  }

  /** As the activity does it. */
  #change({ id, from, by }: Raise): { isRaised: boolean; total: number } {
    if (this.#lastChange === id) return { isRaised: true, total: this.#granted };
    if (this.#granted !== from) return { isRaised: false, total: this.#granted };
    this.#granted += by;
    this.#lastChange = id;
    return { isRaised: true, total: this.#granted };
  }

  #setConcurrency(concurrency: number): void {
    this.#highestConcurrency = Math.max(this.#highestConcurrency, concurrency);
    this.#notify({ kind: 'concurrency', concurrency });
  }

  #highestCapNow = 0;

  #setCap(asked?: number): void {
    if (!this.#batch.hasBudget && !this.#isLate) return;
    const cap = asked ?? this.#pick(30);
    this.#highestCap = this.#batch.hasBudget ? Math.max(this.#highestCap, cap) : cap;
    this.#highestCapNow = cap;
    this.#notifyCap(cap);
  }

  #notifyCap(cap: number): void {
    if (this.#batch.hasBudget) {
      this.#notify({ kind: 'cap', cap });
      return;
    }
    const ended = this.#prices.map((_, shard) => shard).filter((shard) => !this.#batch.open.get(shard));
    this.#notify({ kind: 'late-cap', cap, spent: this.#priceOfRecorded(ended) });
  }

  #resetBatch(): void {
    const { raising, log } = this.#batch;
    if (raising) this.#strays.push(raising);
    const at = this.#pick(log.length + 1);
    const later = log.slice(at);
    this.#wasReset = true;
    const nowMs = this.#nowMs;
    this.#batch = this.#batch.resetTo(at, `batch-${++this.#runs}`, (ms) => (this.#nowMs = ms));
    this.#nowMs = nowMs;
    // Temporal applies signals and updates again; the batch rediscovers what it no longer knows.
    for (const { input } of later) {
      if (input.kind === 'cap' || input.kind === 'late-cap') this.#notifyCap(input.cap);
      else if (['report', 'concurrency', 'paused'].includes(input.kind)) this.#notify(input);
    }
    for (const { shard, childRunId: run } of this.#batch.open.all) {
      const kind = this.#endOf.get(run ?? '');
      if (run && kind) this.#notify({ kind, shard, run });
    }
    for (const [shard, control] of this.#batch.starting) this.#startShard(shard, control);
    for (const { shard } of this.#batch.open.all) this.#batch.open.sendTo(shard);
    this.#notify({ kind: 'works' });
  }

  #terminate(index: number): void {
    const shard = this.#shards.get(index);
    if (this.#terminated.has(index)) {
      const earlier = this.#terminated.get(index);
      // What an earlier one bought without a budget, and the later one has not found, is never counted.
      const isUncounted = this.#isLate && !earlier?.isPriced;
      if (shard && this.#isStray(index, shard)) this.#shards.delete(index);
      else if (shard && earlier && !isUncounted) this.#resetRun(index, earlier, shard);
      return;
    }
    this.#terminated.set(index, shard);
    if (shard) this.#forget(index, shard);
    this.#shards.delete(index);
    if (shard && this.#children.get(index) === shard) this.#endChild('terminated', index, shard);
  }

  /** Whether Temporal does not report the end of a shard that the batch has heard. */
  #isStray(index: number, { run, isPriced }: SimulatedShard): boolean {
    const isCounted = !this.#isLate || isPriced;
    return isCounted && this.#heard.has(run) && this.#children.get(index)?.run !== run;
  }

  /** The batch checks from time to time whether shards that are no longer its children have ended. */
  #findGone(): void {
    for (const { shard, isAdopted } of this.#batch.open.all) {
      if (isAdopted && !this.#shards.has(shard)) this.#notify({ kind: 'gone', shard });
    }
  }

  #continueAsNew(index: number, shard: SimulatedShard): void {
    if (shard.inFlight > 0 || shard.isDone) return;
    const { report, resumed } = shard.end(this.#nowMs);
    this.#deliverAllOf(shard.run);
    this.#notify({ kind: 'report', report });
    const next = new SimulatedShard({
      ...shard.start,
      run: `shard-${index}-${++this.#runs}`,
      control: shard.holds.control,
      done: new Set(this.#recorded.get(index)),
      doubtful: new Set([...shard.rows.keys()].filter((row) => shard.rows[row]?.isDoubtful)),
      resumed,
    });
    this.#replace(index, shard, next);
    this.#follow(index, next, next.begin(this.#nowMs));
  }

  #resetShard(index: number, shard: SimulatedShard): void {
    this.#resetRun(index, shard, shard);
  }

  /** A workflow run of a shard takes the place of another one: as the batch's child, if the other one was that. */
  #replace(index: number, shard: SimulatedShard, next: SimulatedShard): void {
    this.#shards.set(index, next);
    if (this.#children.get(index) === shard) this.#children.set(index, next);
  }

  /** Resets a workflow run of a shard, and ends the running one, which may be a later one. */
  #resetRun(index: number, shard: SimulatedShard, running: SimulatedShard): void {
    this.#wasReset = true;
    const at = this.#pick(shard.log.length + 1);
    const restored = shard.resetTo(at, `shard-${index}-${++this.#runs}`);
    const later = shard.log.slice(at);
    this.#forget(index, running, restored);
    if (shard === running) this.#replace(index, shard, restored);
    else this.#shards.set(index, restored);
    // Its unfinished work is started again.
    for (const [row, { phase }] of restored.rows.entries()) {
      if (phase === 'creating')
        this.#creates.push({ shard: index, run: restored.run, row, leasedTo: restored.lease.runOf(row) });
    }
    // Temporal sends it again what arrived later, also what the running one got.
    const sent = shard === running ? later : [...later, ...running.log];
    for (const { input } of sent) if (input.kind === 'control') this.#inform(index, restored, input);
  }
}
