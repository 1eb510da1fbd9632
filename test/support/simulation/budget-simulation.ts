import {
  BatchMoney,
  type ShardLeaseReport,
  type Grants,
  type RaisedTotal,
} from '../../../src/domain/money/batch-money.js';
import type { LeaseControl } from '../../../src/domain/money/budget.js';
import { ShardLease, type LeaseLeft, type LeaseNeeds } from '../../../src/domain/money/shard-lease.js';

const MODES = ['nb', 'nb2', 'pro'] as const;
type Mode = (typeof MODES)[number];

interface Row {
  readonly mode: Mode;
  readonly price: number;
  generation: number;
  phase: 'queued' | 'creating' | 'made' | 'settled';
  /** A create of this generation may have been sent. */
  isDoubtful: boolean;
  hasJob: boolean;
}

interface Mail<T> {
  readonly to: number;
  readonly text: T;
}

interface Control {
  readonly seq: number;
  readonly parent: number;
  readonly execution: number;
  readonly lease: LeaseControl | undefined;
}

/** A workflow run of a shard. */
interface ShardRun {
  readonly run: string;
  readonly lease: ShardLease;
  control: Control;
}

interface Shard {
  readonly index: number;
  readonly rows: Row[];
  execution: number;
  at: ShardRun;
}

/** What a batch's workflow has received; a reset rebuilds the batch from it. */
type Received =
  | { readonly kind: 'report'; readonly report: ShardLeaseReport }
  | { readonly kind: 'asked'; readonly grants: Grants; readonly raise: Raise }
  | { readonly kind: 'answer'; readonly answer: RaisedTotal }
  | { readonly kind: 'cap'; readonly cap: number };

/** A change of the number in the bucket. */
interface Raise {
  readonly id: string;
  readonly from: number;
  readonly by: number;
}

/** The result of a simulated batch. Amounts in millionths. */
export interface Settled {
  readonly cap: number;
  readonly spent: number;
  readonly committed: number;
  readonly rowsLeft: number;
  /** The price of the cheapest first row of a queue. */
  readonly next: number | undefined;
  readonly stoppedAt: number | undefined;
  readonly unspent: number;
  /** Terminated executions of shards, and creates whose result is unknown: their money may be lost. */
  readonly losses: number;
}

/**
 * A batch, its shards, the number in the bucket and the service, with messages that arrive late, twice and in any
 * order. `check` is called after every step with the maximum that the service has charged, the amount granted by that
 * number and not returned as far as the batch knows, and the highest budget so far.
 */
export class BudgetSimulation {
  readonly #random: () => number;
  readonly #check: (state: { spent: number; committed: number; highestCap: number }) => void;
  readonly #shards: Shard[] = [];
  readonly #bought = new Set<string>();
  #spent = 0;
  /** The number in the bucket, and the id of the last change. */
  #granted = 0;
  #lastChange = '';
  #log: Received[] = [];
  #money = new BatchMoney();
  #cap: number;
  #highestCap: number;
  #parent = 1;
  #ids = 0;
  #nowMs = 1_000;
  #controlSeq = 0;
  #losses = 0;
  #asking: Raise | undefined;
  #words: Mail<ShardLeaseReport>[] = [];
  #controls: Mail<Control>[] = [];
  /** Activities of a batch from before its reset that still run. */
  #strays: Raise[] = [];

  constructor(
    random: () => number,
    check: (state: { spent: number; committed: number; highestCap: number }) => void,
  ) {
    this.#random = random;
    this.#check = check;
    const prices = { nb: 20_000, nb2: 10_000 * (1 + this.#pick(8)), pro: 40_000 + 1_000 * this.#pick(90) };
    for (let index = 0; index < 1 + this.#pick(4); index++) {
      const rows = Array.from({ length: 3 + this.#pick(25) }, (): Row => {
        const mode = MODES[this.#pick(MODES.length)] ?? 'nb';
        const price = prices[mode] * (this.#random() < 0.2 ? 2 : 1);
        return { mode, price, generation: 1, phase: 'queued', isDoubtful: false, hasJob: false };
      });
      this.#shards.push({ index, rows, execution: 1, at: this.#newRun(index, 1) });
    }
    const total = this.#shards.flatMap(({ rows }) => rows).reduce((sum, { price }) => sum + price, 0);
    this.#cap = Math.floor(total * this.#random() * 1.4);
    this.#highestCap = this.#cap;
  }

  /** Runs that many steps. */
  run(steps: number): void {
    for (let step = 0; step < steps; step++) this.#step(this.#random());
  }

  /** Lets everything finish without more faults, and returns the result. */
  settle(): Settled {
    for (let quiet = 0; quiet < 3;) {
      const before = this.#fingerprint();
      for (const stray of this.#strays.splice(0)) this.#raise(stray);
      for (const { to, text } of this.#words.splice(0)) this.#hear(to, text);
      this.#ask();
      this.#answer();
      for (const { to, text } of this.#controls.splice(0)) this.#apply(to, text);
      for (const shard of this.#shards) {
        this.#start(shard, Infinity);
        for (const row of shard.rows.keys()) this.#finish(shard, row, 1);
        this.#speak(shard);
      }
      quiet = this.#fingerprint() === before && !this.#asking ? quiet + 1 : 0;
    }
    const heads = this.#shards.flatMap((shard) => this.#heads(shard).map(({ price }) => price));
    return {
      cap: this.#cap,
      spent: this.#spent,
      committed: this.#money.sums.committed,
      rowsLeft: this.#shards.flatMap(({ rows }) => rows).filter(({ phase }) => phase !== 'settled').length,
      next: heads.length > 0 ? Math.min(...heads) : undefined,
      stoppedAt: this.#money.stoppedAt(this.#cap, this.#open),
      unspent: this.#shards.reduce((sum, { at }) => sum + at.lease.unspent, 0),
      losses: this.#losses,
    };
  }

  get #open(): { shard: number; execution: number }[] {
    return this.#shards
      .filter(({ rows }) => rows.some(({ phase }) => phase !== 'settled'))
      .map(({ index, execution }) => ({ shard: index, execution }));
  }

  #pick(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #step(chance: number): void {
    this.#nowMs += this.#pick(3);
    const shard = this.#shards[this.#pick(this.#shards.length)];
    if (!shard) return;
    const row = this.#pick(shard.rows.length);
    if (chance < 0.25) this.#start(shard, 1 + this.#pick(6));
    else if (chance < 0.5) this.#finish(shard, row, this.#random());
    else if (chance < 0.6) this.#speak(shard);
    else if (chance < 0.72) this.#deliver(this.#words, (to, report) => this.#hear(to, report));
    else if (chance < 0.84) this.#deliver(this.#controls, (to, control) => this.#apply(to, control));
    else if (chance < 0.9) this.#ask();
    else if (chance < 0.95) this.#answer();
    else if (chance < 0.96) this.#strayAnswer();
    else if (chance < 0.97) this.#setCap(Math.floor(this.#cap * (0.4 + this.#random() * 1.6)));
    else if (chance < 0.98) this.#resetParent();
    else if (chance < 0.985) this.#terminate(shard);
    else if (chance < 0.992) this.#continueAsNew(shard);
    else this.#resetShard(shard);
    this.#check({
      spent: this.#spent,
      committed: this.#granted - this.#money.returned,
      highestCap: this.#highestCap,
    });
  }

  /** Delivers one of them, which may be delivered again later. */
  #deliver<T>(mail: Mail<T>[], take: (to: number, text: T) => void): void {
    const at = this.#pick(mail.length);
    const one = mail[at];
    if (!one) return;
    if (this.#random() < 0.8) mail.splice(at, 1);
    take(one.to, one.text);
  }

  #newRun(shard: number, execution: number, left?: LeaseLeft): ShardRun {
    const control = { seq: ++this.#controlSeq, parent: this.#parent, execution, lease: undefined };
    return {
      run: `run-${shard}-${++this.#ids}`,
      lease: new ShardLease(() => `lease-${++this.#ids}`, left),
      control,
    };
  }

  #mayBuy(shard: Shard, row: number): boolean {
    const { price, hasJob } = shard.rows[row] ?? { price: Infinity, hasJob: false };
    return hasJob || shard.at.lease.covers(row, price);
  }

  /** The first rows of the queues of a shard, those that have their money before others. */
  #heads({ rows, at }: Shard): { readonly row: number; readonly price: number }[] {
    return MODES.flatMap((mode) => {
      const queued = [...rows.entries()].filter(([, one]) => one.mode === mode && one.phase === 'queued');
      const [row, one] =
        queued.find(([index, { hasJob }]) => hasJob || at.lease.isReserved(index)) ?? queued[0] ?? [];
      return row === undefined || !one ? [] : [{ row, price: one.price }];
    });
  }

  #start(shard: Shard, most: number): void {
    for (let count = 0; count < most; count++) {
      const head = this.#heads(shard).find(({ row }) => this.#mayBuy(shard, row));
      const row = head && shard.rows[head.row];
      if (!head || !row) return;
      if (row.hasJob) {
        row.phase = 'made';
        continue;
      }
      shard.at.lease.reserve(head.row, row.price);
      row.phase = 'creating';
    }
  }

  /** Decides the result of a create, or of a job. */
  #finish(shard: Shard, index: number, chance: number): void {
    const row = shard.rows[index];
    const { lease, run } = shard.at;
    if (row?.phase === 'made') {
      lease.spend(index);
      if (chance > 0.2 || row.generation >= 3) row.phase = 'settled';
      else
        Object.assign(row, {
          phase: 'queued',
          generation: row.generation + 1,
          isDoubtful: false,
          hasJob: false,
        });
      return;
    }
    if (row?.phase !== 'creating') return;
    const mayBuyAs = lease.runOf(index);
    if (mayBuyAs !== undefined && mayBuyAs !== run) {
      lease.refuse(index);
      row.phase = 'queued';
      return;
    }
    if (chance > 0.3) {
      this.#buy(shard, index);
      row.phase = 'made';
      row.hasJob = true;
    } else if (chance > 0.2) {
      // Refused permanently, or withdrawn unsent.
      if (!row.isDoubtful) lease.giveBack(index);
      row.phase = chance > 0.25 ? 'queued' : 'settled';
      if (row.phase === 'settled') lease.spend(index);
    } else if (chance > 0.1) {
      this.#buy(shard, index);
      this.#losses += 1;
      row.isDoubtful = true;
      row.phase = 'queued';
    } else {
      // It becomes a probe's candidate: the batch may buy it at any time from now on.
      lease.expose(index);
      lease.giveBack(index);
      this.#losses += 1;
      if (chance > 0.05) this.#buy(shard, index);
      row.phase = 'queued';
    }
  }

  #buy({ index, rows }: Shard, row: number): void {
    const { generation, price } = rows[row] ?? { generation: 0, price: 0 };
    const key = `${index}/${row}/${generation}`;
    // The same key is never charged twice.
    if (!this.#bought.has(key)) this.#spent += price;
    this.#bought.add(key);
  }

  #needs(shard: Shard): LeaseNeeds {
    const { rows, at } = shard;
    const unreserved = [...rows.entries()].filter(
      ([row, { phase, hasJob }]) => phase === 'queued' && !hasJob && !at.lease.isReserved(row),
    );
    const heads = this.#heads(shard);
    const isBusy = heads.some(({ row }) => rows[row]?.hasJob || at.lease.isReserved(row));
    const startable = heads.map(({ price }) => price);
    const sum = (some: typeof unreserved): number => some.reduce((total, [, { price }]) => total + price, 0);
    const [first] = unreserved;
    return {
      soon: sum(unreserved.slice(0, 6)),
      rest: sum(unreserved),
      startable: startable.length > 0 ? Math.min(...startable) : undefined,
      first: first?.[1].price,
      isBusy,
    };
  }

  #speak(shard: Shard): void {
    const { at, index, execution } = shard;
    const speaker = { shard: index, run: at.run, nowMs: this.#nowMs };
    const isOver = shard.rows.every(({ phase }) => phase === 'settled');
    const report = isOver ? at.lease.lastReport(speaker) : at.lease.report(this.#needs(shard), speaker);
    if (report)
      this.#words.push({ to: 0, text: { ...report, execution: at.control.execution ?? execution } });
  }

  #hear(_to: number, report: ShardLeaseReport): void {
    this.#note({ kind: 'report', report });
  }

  #note(received: Received): void {
    this.#log.push(received);
    switch (received.kind) {
      case 'report':
        this.#money.take(received.report);
        break;
      case 'asked':
        this.#money.begin(received.grants);
        break;
      case 'answer':
        this.#money.settle(received.answer);
        break;
      case 'cap':
        this.#cap = received.cap;
    }
    this.#sendControl();
  }

  #ask(): void {
    const grants = this.#asking ? undefined : this.#money.plan(this.#cap, this.#open);
    if (!grants) return;
    this.#asking = { id: `raise-${++this.#ids}`, from: this.#money.total, by: grants.by };
    this.#note({ kind: 'asked', grants, raise: this.#asking });
  }

  #answer(): void {
    const asking = this.#asking;
    if (!asking) return;
    const answer = this.#raise(asking);
    // Its answer may be lost with its worker: then it is requested again.
    if (this.#random() < 0.2) return;
    this.#asking = undefined;
    this.#note({ kind: 'answer', answer });
  }

  /** As the activity does it. */
  #raise({ id, from, by }: Raise): RaisedTotal {
    if (this.#lastChange === id) return { isRaised: true, total: this.#granted };
    if (this.#granted !== from) return { isRaised: false, total: this.#granted };
    this.#granted += by;
    this.#lastChange = id;
    return { isRaised: true, total: this.#granted };
  }

  #strayAnswer(): void {
    const stray = this.#strays.pop();
    if (stray) this.#raise(stray);
  }

  #setCap(cap: number): void {
    this.#highestCap = Math.max(this.#highestCap, cap);
    this.#note({ kind: 'cap', cap });
  }

  /**
   * Resets to an earlier point: what the batch has received since may arrive again or not; shards learn the new run.
   */
  #resetParent(): void {
    if (this.#asking) this.#strays.push(this.#asking);
    this.#asking = undefined;
    const at = this.#pick(this.#log.length + 1);
    const later = this.#log.slice(at).flatMap((one) => (one.kind === 'report' ? [one.report] : []));
    const caps = this.#log.slice(at).flatMap((one) => (one.kind === 'cap' ? [one] : []));
    const log = this.#log.slice(0, at);
    this.#log = [];
    this.#money = new BatchMoney();
    this.#parent += 1;
    for (const one of [...log, ...caps]) this.#note(one);
    // An activity that had not ended then runs again.
    const asked = log.findLast(({ kind }) => kind === 'asked' || kind === 'answer');
    if (asked?.kind === 'asked') this.#asking = asked.raise;
    if (this.#random() < 0.7) this.#words.push(...later.map((text) => ({ to: 0, text })));
    // It may not find again what it granted since.
    this.#losses += 1;
    this.#sendControl();
  }

  #sendControl(): void {
    for (const { index, execution } of this.#shards) {
      const lease = this.#money.controlOf(index, this.#cap);
      const control = { seq: ++this.#controlSeq, parent: this.#parent, execution, lease };
      this.#controls.push({ to: index, text: control });
    }
    // Only the last message to each matters; as many more are kept as may arrive late.
    if (this.#controls.length > 60) {
      const newest = this.#controls.slice(-this.#shards.length);
      this.#controls = [...this.#controls.slice(0, 20), ...newest];
    }
  }

  #apply(to: number, control: Control): void {
    const shard = this.#shards[to];
    if (!shard || control.seq <= shard.at.control.seq) return;
    if (control.parent !== shard.at.control.parent) shard.at.lease.repeat();
    shard.at.control = control;
    shard.at.lease.take(control.lease);
  }

  /** Terminated; messages already sent may still arrive. The next execution does not know what was not recorded. */
  #terminate(shard: Shard): void {
    if (shard.execution > 2) return;
    this.#losses += 1;
    for (const [index, row] of shard.rows.entries()) {
      if (row.phase === 'creating' && shard.at.lease.runOf(index) === shard.at.run && this.#random() < 0.5) {
        this.#buy(shard, index);
      }
      if (row.phase !== 'settled') {
        Object.assign(row, { phase: 'queued', hasJob: false, isDoubtful: true, generation: 1 });
      }
    }
    shard.execution += 1;
    shard.at = this.#newRun(shard.index, shard.execution);
  }

  #continueAsNew(shard: Shard): void {
    if (shard.rows.some(({ phase }) => phase === 'creating' || phase === 'made')) return;
    const { at, index } = shard;
    const report = at.lease.lastReport({ shard: index, run: at.run, nowMs: this.#nowMs });
    if (report) this.#words.push({ to: 0, text: { ...report, execution: at.control.execution } });
    const next = this.#newRun(index, shard.execution, at.lease.left);
    shard.at = { ...next, control: at.control };
  }

  /** Resets to this very moment: the new run may act differently from the old one. */
  #resetShard(shard: Shard): void {
    this.#losses += 1;
    for (const [index, row] of shard.rows.entries()) {
      const mayBuy = row.phase === 'queued' && this.#mayBuy(shard, index) && !row.hasJob;
      if (mayBuy && this.#random() < 0.5) this.#ghost(shard, index);
    }
    shard.at = { ...shard.at, run: `run-${shard.index}-${++this.#ids}` };
  }

  /** Buys a row as the run before the reset would have done, with what it had unspent. */
  #ghost(shard: Shard, row: number): void {
    const price = shard.rows[row]?.price ?? 0;
    this.#ghostSpent.set(shard.at.lease, (this.#ghostSpent.get(shard.at.lease) ?? 0) + price);
    if ((this.#ghostSpent.get(shard.at.lease) ?? 0) > shard.at.lease.unspent) return;
    this.#buy(shard, row);
  }

  readonly #ghostSpent = new Map<ShardLease, number>();

  #fingerprint(): string {
    return JSON.stringify([
      this.#granted,
      this.#money.sums,
      this.#shards.map(({ rows, at }) => [rows, at.lease.unspent]),
      this.#words.length,
      this.#asking !== undefined,
    ]);
  }
}
