import type { HoldCause } from '../../../src/domain/batch/holds.js';
import { rowsToStart, slotsToGiveBack, slotsToRelease } from '../../../src/domain/batch/window.js';
import { ShardLease, type LeaseLeft, type LeaseNeeds } from '../../../src/domain/money/shard-lease.js';
import type {
  ResumedShard,
  ShardControl,
  ShardReport,
} from '../../../src/workflows/protocol/shard-messages.js';
import { ReportContents } from '../../../src/workflows/shard/messages/report-contents.js';
import { ShardHolds } from '../../../src/workflows/shard/messages/shard-holds.js';

/** Rows for which a shard requests money ahead. */
const ROWS_AHEAD = 3;

const SERVICE_FAULT: HoldCause = { scope: 'service', code: 'unavailable', message: 'It fails.' };

interface Row {
  readonly price: number;
  phase: 'queued' | 'creating' | 'inFlight' | 'settled';
  hasJob: boolean;
  /** A create may have been sent unseen. */
  isDoubtful: boolean;
}

/** An event for a shard. */
export type ShardInput =
  | { readonly kind: 'control'; readonly control: ShardControl }
  /** The result of a row's create. */
  | {
      readonly kind: 'created';
      readonly row: number;
      readonly result: 'job' | 'fault' | 'not-leased';
    }
  /** The end of a row's job. */
  | { readonly kind: 'ended'; readonly row: number }
  /** Its prices are read, and the price of the rows that were recorded as it began. */
  | { readonly kind: 'priced'; readonly spent: number };

/** What a shard sends. */
export interface ShardOutput {
  readonly creates: readonly { readonly row: number; readonly leasedTo: string | undefined }[];
  readonly report: ShardReport | undefined;
  readonly settled: readonly number[];
}

/** How a workflow run of a shard starts. */
export interface ShardStart {
  readonly shard: number;
  /** Its workflow run. */
  readonly run: string;
  /** The first one, which this one or one before it continues, or was reset from. */
  readonly first: string;
  readonly control: ShardControl;
  readonly prices: readonly number[];
  /** Rows that are recorded. */
  readonly done: ReadonlySet<number>;
  /** Rows whose jobs an earlier workflow run has made. */
  readonly jobs: ReadonlySet<number>;
  /** Rows of which an earlier workflow run may have sent a create unseen. */
  readonly doubtful: ReadonlySet<number>;
  readonly resumed?: Pick<ResumedShard, 'slotsReturned' | 'reportSeq' | 'faultMet'> & {
    readonly lease?: LeaseLeft;
  };
}

/** A workflow run of a shard: its real messages, slots and lease, with rows that are only counted. */
export class SimulatedShard {
  readonly start: ShardStart;
  readonly log: { readonly input: ShardInput; readonly atMs: number }[] = [];
  readonly holds: ShardHolds;
  readonly #reports: ReportContents;
  readonly lease: ShardLease;
  readonly rows: readonly Row[];
  #drawn = 0;
  #releasesDone = 0;
  #pricing: 'none' | 'with-past' | 'without-past' | 'done' = 'none';

  constructor(start: ShardStart) {
    this.start = start;
    this.holds = new ShardHolds(start.control, start.resumed);
    this.#reports = new ReportContents(
      { runSeq: 1, shard: start.shard, firstRunId: start.first },
      this.holds,
      start.resumed,
    );
    this.lease = new ShardLease(() => `${this.run || start.run}/${++this.#drawn}`, start.resumed?.lease);
    this.rows = start.prices.map((price, row) => ({
      price,
      phase: start.done.has(row) ? 'settled' : 'queued',
      hasJob: start.jobs.has(row),
      isDoubtful: start.doubtful.has(row),
    }));
  }

  /** The same workflow run reset to an earlier moment: a new run with what was known then. */
  resetTo(events: number, run: string): SimulatedShard {
    const log = this.log.slice(0, events);
    const restored = new SimulatedShard({ ...this.start, run: this.start.run });
    restored.begin(0);
    for (const { input, atMs } of log) restored.take(input, atMs);
    return Object.assign(restored, { run });
  }

  /** Its workflow run: another one after a reset. */
  run = '';

  get inFlight(): number {
    return this.rows.filter(({ phase }) => phase === 'creating' || phase === 'inFlight').length;
  }

  get isDone(): boolean {
    return this.rows.every(({ phase }) => phase === 'settled');
  }

  /** Whether it counts what it spends. */
  get isPriced(): boolean {
    return this.#pricing === 'done';
  }

  /** Whether it waits for its prices. */
  get isPricing(): boolean {
    return this.#pricing === 'with-past' || this.#pricing === 'without-past';
  }

  /** Its first step. */
  begin(nowMs: number): ShardOutput {
    if (this.run === '') this.run = this.start.run;
    this.#takeBudget();
    return this.#goOn(nowMs, [], false);
  }

  /** As `ShardBudget` does it. */
  #takeBudget(): void {
    const { budget } = this.holds.control;
    if (budget?.countsPast) this.lease.requireReport();
    if (this.#pricing === 'done') this.lease.take(budget?.lease);
    else if (budget && this.#pricing === 'none') {
      this.#pricing = budget.countsPast && !this.start.resumed?.lease ? 'with-past' : 'without-past';
    }
  }

  #price(spent: number): void {
    const countsPast = this.#pricing === 'with-past';
    this.#pricing = 'done';
    if (countsPast) {
      const made = [...this.rows.entries()].filter(
        ([row, { phase, hasJob }]) => !this.start.done.has(row) && (hasJob || phase === 'settled'),
      );
      const underway = [...this.rows.entries()].flatMap(([row, { phase, hasJob, isDoubtful, price }]) =>
        !hasJob && (phase === 'creating' || (phase === 'queued' && isDoubtful))
          ? [{ row, price, isExposed: isDoubtful }]
          : [],
      );
      const past = made.reduce((sum, [, { price }]) => sum + price, spent);
      this.lease.countPast({ spent: past, images: made.length, underway });
    }
    this.lease.take(this.holds.control.budget?.lease);
  }

  take(input: ShardInput, nowMs: number): ShardOutput {
    this.log.push({ input, atMs: nowMs });
    const settled: number[] = [];
    let isDue = false;
    if (input.kind === 'priced') {
      if (this.isPricing) this.#price(input.spent);
    } else if (input.kind === 'control') {
      isDue = this.#reports.take(input.control) === 'unheard';
      if (isDue) this.lease.repeat();
      this.#takeBudget();
    } else {
      const row = this.rows[input.row];
      if (input.kind === 'ended' && row?.phase === 'inFlight') {
        row.phase = 'settled';
        settled.push(input.row);
      }
      if (input.kind === 'created' && row?.phase === 'creating') isDue = this.#created(input, row, nowMs);
    }
    return this.#goOn(nowMs, settled, isDue);
  }

  #created({ row, result }: { readonly row: number; readonly result: string }, one: Row, nowMs: number) {
    if (result === 'job') {
      this.lease.spend(row);
      one.hasJob = true;
      one.isDoubtful = false;
      one.phase = 'inFlight';
      return false;
    }
    one.phase = 'queued';
    if (result === 'not-leased') {
      this.lease.refuse(row);
      return false;
    }
    one.isDoubtful = true;
    this.lease.expose(row);
    return this.#reports.addFault(SERVICE_FAULT, {}, nowMs);
  }

  /** Ends this workflow run: its last report, and the input of the next one. */
  end(nowMs: number): { readonly report: ShardReport; readonly resumed: NonNullable<ShardStart['resumed']> } {
    const leaseReport = this.isPriced && this.lease.lastReport(this.#sender(nowMs));
    if (leaseReport) this.#reports.lease = leaseReport;
    if (this.isDone && (this.holds.control.isAdopted || this.run !== this.start.first)) this.#reports.end();
    const report = this.#reports.next(nowMs);
    const lease = this.isPriced || this.start.resumed?.lease ? { lease: this.lease.left } : {};
    return { report, resumed: { ...this.#reports.left, ...lease } };
  }

  #goOn(nowMs: number, settled: readonly number[], isDue: boolean): ShardOutput {
    const creates: { row: number; leasedTo: string | undefined }[] = [];
    for (let row = this.#startable(); row !== undefined; row = this.#startable()) {
      const one = this.rows[row];
      if (!one) break;
      one.phase = one.hasJob ? 'inFlight' : 'creating';
      if (one.hasJob) continue;
      if (this.isPriced) this.lease.reserve(row, one.price);
      creates.push({ row, leasedTo: this.lease.runOf(row) });
    }
    const isSent = this.#giveBack() || isDue;
    const report = this.isPriced && this.lease.report(this.#needs(), this.#sender(nowMs));
    if (report) this.#reports.lease = report;
    return { creates, settled, report: isSent || report ? this.#reports.next(nowMs) : undefined };
  }

  /** Each workflow run has a separate order, so that a reset one buys other rows than before. */
  get #head(): number | undefined {
    const count = this.rows.length;
    const first = Number(this.run.split('-').at(-1)) % count;
    for (let at = 0; at < count; at++) {
      const row = (first + at) % count;
      if (this.rows[row]?.phase === 'queued') return row;
    }
    return undefined;
  }

  #startable(): number | undefined {
    const row = this.#head;
    const one = row === undefined ? undefined : this.rows[row];
    if (row === undefined || !one || this.holds.isHeld(['service']) || this.holds.paused) return undefined;
    if (rowsToStart({ window: this.holds.window, inFlight: this.inFlight, copying: 0 }) === 0)
      return undefined;
    if (one.hasJob) return row;
    const isCovered = this.isPriced ? this.lease.covers(row, one.price) : !this.holds.control.budget;
    return isCovered ? row : undefined;
  }

  #giveBack(): boolean {
    const { window, owed } = this.holds;
    const inFlight = this.inFlight;
    const hasQueued = this.#head !== undefined;
    const early = hasQueued
      ? 0
      : slotsToRelease({ window, inFlight, waiting: 0, releasesDone: this.#releasesDone });
    if (early > 0) {
      this.#releasesDone += 1;
      this.#reports.exhaust();
    }
    const slots = early + slotsToGiveBack({ window, owed, inFlight });
    if (slots > 0) this.holds.giveBack(slots);
    return slots > 0;
  }

  #needs(): LeaseNeeds {
    const unpaid = [...this.rows.entries()].filter(
      ([row, { phase, hasJob }]) => phase === 'queued' && !hasJob && !this.lease.isReserved(row),
    );
    const sum = (rows: typeof unpaid): number => rows.reduce((total, [, { price }]) => total + price, 0);
    const row = this.#head;
    const head = row === undefined ? undefined : this.rows[row];
    const canWork = this.holds.window > 0 || this.inFlight > 0;
    const mayBuy = head !== undefined && canWork && !this.holds.isHeld(['service']) && !this.holds.paused;
    const isBusy = mayBuy && (head.hasJob || this.lease.isReserved(row ?? 0));
    const startable = mayBuy && !isBusy ? head.price : undefined;
    const [first] = unpaid;
    return {
      soon: sum(unpaid.slice(0, ROWS_AHEAD)),
      rest: sum(unpaid),
      startable,
      first: first?.[1].price,
      isBusy,
    };
  }

  #sender(nowMs: number) {
    const { shard } = this.start;
    return { shard, run: this.run, nowMs };
  }
}
