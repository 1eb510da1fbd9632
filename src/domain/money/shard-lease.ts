import type {
  LeaseCall,
  LeaseControl,
  LeaseReport,
  LeaseSender,
  LeaseState,
  LeaseWant,
  PastSpending,
} from './budget.js';

/** What a shard has to buy beyond its reservations. Amounts in millionths. */
export interface LeaseNeeds {
  /** The price of its next images, of those for some minutes of work, and of all. */
  readonly soon: number;
  readonly rest: number;
  /** The price of the cheapest first row of a queue that lacks only money to start; undefined if there is none. */
  readonly startable: number | undefined;
  /** The price of the first row of all; undefined if no row waits. */
  readonly first: number | undefined;
  /** Rows with reserved money may start, or rows that the lease covers return to the queue within seconds. */
  readonly isBusy: boolean;
}

/** What a shard's workflow run leaves to the next one about its lease. */
export interface LeaseLeft {
  readonly seq: number;
  /** Rows whose price is already counted. */
  readonly counted: readonly number[];
}

interface Reported {
  readonly state: LeaseState;
  readonly returned: number;
  readonly want: LeaseWant | undefined;
  readonly price: number;
}

interface Reservation {
  readonly micros: number;
  /**
   * The lease that covers it, and the only run that may buy with it; undefined if an earlier workflow run of the shard
   * has counted it.
   */
  readonly lease: { readonly id: string; readonly run: string | undefined } | undefined;
  /** A create may be sent unseen: only its end can show that it was not charged. */
  isExposed: boolean;
}

/** The lease of one workflow run of a shard: what it may spend, what its rows have reserved, and its reports. */
export class ShardLease {
  readonly #drawId: () => string;
  readonly #reservations = new Map<number, Reservation>();
  #id: string;
  /** The run that the batch has for this lease; undefined until something was granted. */
  #run: string | undefined;
  #granted = 0;
  #returned = 0;
  #spent = 0;
  #images = 0;
  #seq: number;
  #call: LeaseCall = 'nothing';
  #reported: Reported | undefined;
  /** Something may have been granted, even if the grant has not arrived yet. */
  #hasAsked = false;
  /** The batch must get a report even if the shard needs nothing. */
  #mustReport = false;

  constructor(drawId: () => string, left?: LeaseLeft) {
    this.#drawId = drawId;
    this.#id = drawId();
    this.#seq = left?.seq ?? 0;
    for (const row of left?.counted ?? []) {
      this.#reservations.set(row, { micros: 0, lease: undefined, isExposed: true });
    }
  }

  /** Counts what was bought before the batch had a budget, as if that had been granted for it. Call once, before all else. */
  countPast({ spent, images, underway }: PastSpending): void {
    const reserved = underway.filter(({ row }) => !this.#reservations.has(row));
    for (const { row, price, isExposed } of reserved) {
      this.#reservations.set(row, { micros: price, lease: { id: this.#id, run: undefined }, isExposed });
    }
    this.#spent += spent + reserved.reduce((sum, { price }) => sum + price, 0);
    this.#images += images + reserved.length;
    this.#granted += this.#spent;
    this.#hasAsked = true;
  }

  get unspent(): number {
    return this.#granted - this.#returned - this.#spent;
  }

  /** Whether a row may be bought: its price is reserved, or can be. */
  covers(row: number, price: number): boolean {
    return this.isReserved(row) || price <= this.unspent;
  }

  isReserved(row: number): boolean {
    const reservation = this.#reservations.get(row);
    return reservation !== undefined && this.#isValid(reservation);
  }

  #isValid({ lease }: Reservation): boolean {
    return lease === undefined || lease.id === this.#id;
  }

  /** Reserves a row's price for its present generation, unless it is reserved already. Call only if `covers` is true. */
  reserve(row: number, price: number): void {
    if (this.isReserved(row)) return;
    this.#spent += price;
    this.#images += 1;
    // A lease without any grant can only reserve what costs nothing.
    const lease = this.#run === undefined ? undefined : { id: this.#id, run: this.#run };
    this.#reservations.set(row, { micros: price, lease, isExposed: false });
  }

  /** The only workflow run that may buy with a row's reservation; undefined if any may. */
  runOf(row: number): string | undefined {
    return this.#reservations.get(row)?.lease?.run;
  }

  /** From now on a create of the row may be sent unseen. */
  expose(row: number): void {
    const reservation = this.#reservations.get(row);
    if (reservation) reservation.isExposed = true;
  }

  /** Releases a row's reservation, since its create was certainly not charged; no effect if that is not certain. */
  giveBack(row: number): void {
    const reservation = this.#reservations.get(row);
    if (!reservation || reservation.isExposed) return;
    this.#reservations.delete(row);
    if (reservation.lease?.id !== this.#id) return;
    this.#spent -= reservation.micros;
    this.#images -= 1;
  }

  /** Records that a row's generation is bought or over: its price is spent for good. */
  spend(row: number): void {
    this.#reservations.delete(row);
  }

  /** Takes the batch's message. One about another lease shows that this one's report has not arrived, or that this shard was reset. */
  take(control: LeaseControl | undefined): void {
    if (control && control.id !== this.#id) this.repeat();
    if (control?.id !== this.#id) return;
    this.#call = control.call;
    if (control.isVoid) {
      this.#beginAnew();
      return;
    }
    this.#run = control.run;
    this.#granted = Math.max(this.#granted, control.granted);
  }

  /** Records that another workflow run made a row's reservation: this one was reset, and starts another lease. */
  refuse(row: number): void {
    const id = this.#reservations.get(row)?.lease?.id;
    this.#reservations.delete(row);
    if (id === this.#id) this.#beginAnew();
  }

  #beginAnew(): void {
    this.#id = this.#drawId();
    this.#run = undefined;
    this.#granted = 0;
    this.#returned = 0;
    this.#spent = 0;
    this.#images = 0;
    this.#reported = undefined;
    this.#hasAsked = false;
    this.#mustReport = false;
  }

  /** The batch waits for a report, even if the shard needs nothing. */
  requireReport(): void {
    this.#mustReport = true;
  }

  /** Sends everything again with the next report: the batch may have lost its state. */
  repeat(): void {
    this.#reported = undefined;
  }

  /** Whether `report` would return a report. */
  hasNews(needs: LeaseNeeds): boolean {
    return this.#isNews(this.#toReport(needs));
  }

  /** The next report; undefined if the batch knows what it needs. What is reported as returned cannot be spent any more. */
  report(needs: LeaseNeeds, sender: LeaseSender): LeaseReport | undefined {
    const next = this.#toReport(needs);
    if (!this.#isNews(next)) return undefined;
    return this.#reportOf(next, sender);
  }

  #toReport(needs: LeaseNeeds): Reported {
    const state = this.#stateOf(needs);
    const returned = this.#returned + this.#spare(state, needs);
    const want = this.#wantOf(state, needs, returned);
    return { state, returned, want, price: needs.startable ?? needs.first ?? 0 };
  }

  /** The last report: nothing more is bought with this lease. Undefined if nothing was ever requested. */
  lastReport(sender: LeaseSender): LeaseReport | undefined {
    if (!this.#hasAsked) return undefined;
    const returned = this.#returned + this.unspent;
    const report = this.#reportOf({ state: 'done', returned, want: undefined, price: 0 }, sender);
    return { ...report, isLast: true };
  }

  /** The state for the next workflow run of the shard, after the last report. */
  get left(): LeaseLeft {
    const counted = [...this.#reservations].flatMap(([row, one]) => (this.#isValid(one) ? [row] : []));
    return { seq: this.#seq, counted };
  }

  #stateOf({ startable, first, isBusy }: LeaseNeeds): LeaseState {
    if (isBusy) return 'working';
    if (first === undefined) return 'done';
    if (startable === undefined) return 'blocked';
    const left = this.#call === 'all' ? 0 : this.unspent;
    return startable <= left ? 'working' : 'starved';
  }

  /** The amount to return now. A starved shard keeps nothing: an amount too small for it may be enough for another one. */
  #spare(state: LeaseState, { rest, first = 0, isBusy }: LeaseNeeds): number {
    if (this.#call === 'all' || state === 'starved') return this.unspent;
    if (this.#call === 'nothing' || (isBusy && rest === 0)) return 0;
    const kept = state === 'blocked' ? first : rest;
    return Math.max(0, this.unspent - kept);
  }

  #wantOf(
    state: LeaseState,
    { soon, rest, startable = 0, first = 0 }: LeaseNeeds,
    returned: number,
  ): LeaseWant | undefined {
    const base = returned + this.#spent;
    const unspent = this.#granted - base;
    // Each report costs events.
    const ahead = Math.min(rest, soon + Math.floor(soon / 2));
    switch (state) {
      case 'starved':
        return {
          least: base + startable,
          needed: base + Math.max(ahead, startable),
          most: base + Math.max(rest, startable),
        };
      case 'blocked':
        // For a trial that the batch may request.
        if (unspent >= first) return undefined;
        return { least: base + first, needed: base + first, most: base + first };
      case 'working':
        if (unspent >= rest || unspent >= soon / 4) return undefined;
        return { least: this.#granted + 1, needed: base + ahead, most: base + rest };
      case 'done':
        return undefined;
    }
  }

  #isNews({ state, returned, want, price }: Reported): boolean {
    const reported = this.#reported;
    if (returned > this.#returned || (this.#mustReport && !reported)) return true;
    const wasStarved = reported?.state === 'starved';
    if (state === 'starved') {
      return (
        !wasStarved || !reported?.want || this.#granted >= reported.want.least || price !== reported.price
      );
    }
    if (wasStarved && this.#granted < (reported?.want?.least ?? 0)) return true;
    if (want && (!reported?.want || this.#granted >= reported.want.needed)) return true;
    return this.#call !== 'nothing' && state !== reported?.state;
  }

  #reportOf({ state, returned, want, price }: Reported, { shard, run, nowMs }: LeaseSender): LeaseReport {
    this.#returned = returned;
    this.#hasAsked = true;
    this.#seq = Math.max(this.#seq + 1, nowMs);
    this.#reported = { state, returned, want, price };
    return {
      seq: this.#seq,
      shard,
      id: this.#id,
      run,
      ...(this.#run !== undefined && { grantedTo: this.#run }),
      granted: this.#granted,
      returned,
      spent: this.#spent,
      images: this.#images,
      state,
      price,
      ...(want && { want }),
    };
  }
}
