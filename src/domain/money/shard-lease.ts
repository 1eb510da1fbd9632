import type { LeaseCall, LeaseControl, LeaseState, LeaseWant, LeaseReport } from './budget.js';

/** What a shard has to buy, as far as nothing is reserved for it. Amounts in millionths. */
export interface LeaseNeeds {
  /** What its next images cost, those of some minutes of work, and what all cost. */
  readonly soon: number;
  readonly rest: number;
  /** The cheapest of the rows that are first in their queues and may start but for money; undefined where none may. */
  readonly startable: number | undefined;
  /** What the first row of all costs; undefined where no row waits. */
  readonly first: number | undefined;
  /** Rows that have their money may start, or rows come back to the queue within seconds. */
  readonly isBusy: boolean;
}

/** What a workflow run of a shard says of its lease to the one that takes over. */
export interface LeaseLeft {
  readonly seq: number;
  /** Rows whose price is counted already. */
  readonly counted: readonly number[];
}

interface Said {
  readonly state: LeaseState;
  readonly returned: number;
  readonly want: LeaseWant | undefined;
  readonly price: number;
}

interface Reservation {
  readonly micros: number;
  /** The lease that it was taken of; undefined where an earlier workflow run of the shard has counted it. */
  readonly lease: { readonly id: string; readonly run: string } | undefined;
  /** A create may go out unseen: nothing but its end tells that it was not charged. */
  isExposed: boolean;
}

/** The lease of one workflow run of a shard: what it may spend, what its rows have reserved of it, and what it tells of it. */
export class ShardLease {
  readonly #drawId: () => string;
  readonly #reservations = new Map<number, Reservation>();
  #id: string;
  /** As the lease's giver knows it; undefined until something was granted. */
  #run: string | undefined;
  #granted = 0;
  #returned = 0;
  #spent = 0;
  #images = 0;
  #seq: number;
  #call: LeaseCall = 'nothing';
  #told: Said | undefined;
  /** Something may have been granted, be it unheard of yet. */
  #hasAsked = false;

  constructor(drawId: () => string, left?: LeaseLeft) {
    this.#drawId = drawId;
    this.#id = drawId();
    this.#seq = left?.seq ?? 0;
    for (const row of left?.counted ?? []) {
      this.#reservations.set(row, { micros: 0, lease: undefined, isExposed: true });
    }
  }

  get unspent(): number {
    return this.#granted - this.#returned - this.#spent;
  }

  /** Whether a row may be bought: its price is reserved already, or can be. */
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

  /** Reserves a row's price for its present generation, unless that has been done. To be called only where `covers` holds. */
  reserve(row: number, price: number): void {
    if (this.isReserved(row)) return;
    this.#spent += price;
    this.#images += 1;
    // Who has never been granted anything can only reserve what costs nothing.
    const lease = this.#run === undefined ? undefined : { id: this.#id, run: this.#run };
    this.#reservations.set(row, { micros: price, lease, isExposed: false });
  }

  /** The workflow run that alone may buy by a row's reservation; undefined where it holds for every one. */
  runOf(row: number): string | undefined {
    return this.#reservations.get(row)?.lease?.run;
  }

  /** From now on a create of the row may go out unseen. */
  expose(row: number): void {
    const reservation = this.#reservations.get(row);
    if (reservation) reservation.isExposed = true;
  }

  /** Gives a row's price back, since its create was certainly not charged; changes nothing where that is not certain. */
  giveBack(row: number): void {
    const reservation = this.#reservations.get(row);
    if (!reservation || reservation.isExposed) return;
    this.#reservations.delete(row);
    if (reservation.lease?.id !== this.#id) return;
    this.#spent -= reservation.micros;
    this.#images -= 1;
  }

  /** Notes that a row's generation is bought or over: its price is spent for good. */
  spend(row: number): void {
    this.#reservations.delete(row);
  }

  /** Takes in what the batch says; of another lease than this one it says nothing. */
  take(control: LeaseControl | undefined): void {
    if (control?.id !== this.#id) return;
    this.#call = control.call;
    if (control.isVoid) {
      this.#beginAnew();
      return;
    }
    this.#run = control.run;
    this.#granted = Math.max(this.#granted, control.granted);
  }

  /** Notes that a row's reservation was made by another workflow run: this one was reset, and begins another lease. */
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
    this.#told = undefined;
    this.#hasAsked = false;
  }

  /** Says everything again at the next occasion: the batch may have forgotten it. */
  repeat(): void {
    this.#told = undefined;
  }

  /** Whether `speak` has something to say. */
  hasNews(needs: LeaseNeeds): boolean {
    return this.#isNews(this.#toSay(needs));
  }

  /** What is to be told now; undefined where the batch knows what it needs to. What is told as returned is no longer to be spent. */
  speak(needs: LeaseNeeds, speaker: LeaseSpeaker): LeaseReport | undefined {
    const said = this.#toSay(needs);
    if (!this.#isNews(said)) return undefined;
    return this.#word(said, speaker);
  }

  #toSay(needs: LeaseNeeds): Said {
    const state = this.#stateOf(needs);
    const returned = this.#returned + this.#spare(state, needs);
    const want = this.#wantOf(state, needs, returned);
    return { state, returned, want, price: needs.startable ?? needs.first ?? 0 };
  }

  /** The last word: nothing more is bought with this lease. Undefined where nothing was ever asked for. */
  lastWord(speaker: LeaseSpeaker): LeaseReport | undefined {
    if (!this.#hasAsked) return undefined;
    const returned = this.#returned + this.unspent;
    const word = this.#word({ state: 'done', returned, want: undefined, price: 0 }, speaker);
    return { ...word, isLast: true };
  }

  /** What the next workflow run of the shard must know, after the last word. */
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

  /** What goes back now. A starved shard keeps nothing: what is too little for it may be enough for another one. */
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
    // Each telling costs events.
    const ahead = Math.min(rest, soon + Math.floor(soon / 2));
    switch (state) {
      case 'starved':
        return {
          least: base + startable,
          needed: base + Math.max(ahead, startable),
          most: base + Math.max(rest, startable),
        };
      case 'blocked':
        // For a trial that the batch may ask for.
        if (unspent >= first) return undefined;
        return { least: base + first, needed: base + first, most: base + first };
      case 'working':
        if (unspent >= rest || unspent >= soon / 4) return undefined;
        return { least: this.#granted + 1, needed: base + ahead, most: base + rest };
      case 'done':
        return undefined;
    }
  }

  #isNews({ state, returned, want, price }: Said): boolean {
    const told = this.#told;
    if (returned > this.#returned) return true;
    const wasStarved = told?.state === 'starved';
    if (state === 'starved') {
      return !wasStarved || !told?.want || this.#granted >= told.want.least || price !== told.price;
    }
    if (wasStarved && this.#granted < (told?.want?.least ?? 0)) return true;
    if (want && (!told?.want || this.#granted >= told.want.needed)) return true;
    return this.#call !== 'nothing' && state !== told?.state;
  }

  #word({ state, returned, want, price }: Said, { shard, run, epoch, nowMs }: LeaseSpeaker): LeaseReport {
    this.#returned = returned;
    this.#hasAsked = true;
    this.#seq = Math.max(this.#seq + 1, nowMs);
    this.#told = { state, returned, want, price };
    return {
      epoch,
      seq: this.#seq,
      shard,
      id: this.#id,
      run,
      returned,
      spent: this.#spent,
      images: this.#images,
      state,
      price,
      ...(want && { want }),
    };
  }
}

/** Who speaks, and when. */
export interface LeaseSpeaker {
  readonly shard: number;
  /** The workflow run that speaks. */
  readonly run: string;
  readonly epoch: number;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}
