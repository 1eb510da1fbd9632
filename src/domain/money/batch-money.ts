import {
  isNewest,
  withReport,
  type Lease,
  type LeaseCall,
  type LeaseControl,
  type LeaseReport,
} from './budget.js';

/** A shard's lease report with the execution that sent it, as the batch counts them. */
export type ShardLeaseReport = LeaseReport & { readonly execution: number };

/** The sums of a run's money. Amounts in millionths. */
export interface MoneySums {
  /** Granted and not returned: it is spent, or someone may still spend it. */
  readonly committed: number;
  readonly images: number;
  /** The part of the committed amount that may be unspent, which nobody knows. */
  readonly unknown: number;
}

/** What a batch leaves to its next workflow run about its money; no shard is open then. */
export interface MoneyLeft extends MoneySums {
  /** The number in the bucket, as last read. */
  readonly total: number;
  readonly returned: number;
}

/** Grants to some leases, which may be sent once the bucket's number is raised. */
export interface Grants {
  /** Their sum, and what the bucket's number lacked. */
  readonly by: number;
  /** All that each will have been granted then. */
  readonly leases: readonly { readonly id: string; readonly granted: number }[];
}

/** The bucket's answer: its number, and whether it was raised as requested. */
export interface RaisedTotal {
  readonly isRaised: boolean;
  readonly total: number;
}

/** The share of the unleased money that one shard gets at once if it exceeds its need, since each request costs history. */
const SHARE = 1 / 8;

const NOTHING_LEFT: MoneyLeft = { committed: 0, images: 0, unknown: 0, total: 0, returned: 0 };

/** An open shard and its execution. */
interface Open {
  readonly shard: number;
  readonly execution: number;
}

/**
 * What a batch knows of the money of its shards. Beside it, the bucket holds one number that never falls: all that was
 * ever granted. If a batch was reset, or Temporal's database restored, that number is higher than the batch's own
 * sum: the difference counts as spent, unless reports show who got it.
 */
export class BatchMoney {
  #past: MoneyLeft;
  readonly #leases = new Map<string, Lease>();
  readonly #reports = new Map<number, ShardLeaseReport>();
  #total: number;
  /** Grants for which the bucket's number is being raised. */
  #pending: Grants | undefined;
  /** Undefined after a change. */
  #sums: MoneySums | undefined;

  constructor(past: MoneyLeft = NOTHING_LEFT) {
    this.#past = past;
    this.#total = past.total;
  }

  /** The number in the bucket, as last read. */
  get total(): number {
    return this.#total;
  }

  /** The part of what the shards were granted that the number in the bucket lacks: what they bought before there was a budget. */
  get unrecorded(): number {
    return Math.max(0, this.#granted - this.#total);
  }

  /** All that was ever returned. */
  get returned(): number {
    return this.#sum(({ returned }) => returned) + this.#past.returned;
  }

  get sums(): MoneySums {
    this.#sums ??= this.#count();
    return this.#sums;
  }

  get #granted(): number {
    return this.#sum((lease) => lease.granted) + this.#past.committed + this.#past.returned;
  }

  #count(): MoneySums {
    const newest = isNewest([...this.#leases.values()]);
    const lost = (lease: Lease): number =>
      newest(lease) ? 0 : Math.max(0, lease.granted - lease.returned - lease.reported.spent);
    return {
      committed: Math.max(this.#total, this.#granted) - this.returned,
      images: this.#sum(({ reported }) => reported.images) + this.#past.images,
      unknown: this.#sum(lost) + this.#past.unknown,
    };
  }

  /** For the batch's next workflow run. */
  get left(): MoneyLeft {
    return { ...this.sums, total: this.#total, returned: this.returned };
  }

  /** Counts what shards that have ended bought before there was a budget. */
  addPast({ spent, images }: { readonly spent: number; readonly images: number }): void {
    this.#sums = undefined;
    const past = this.#past;
    this.#past = { ...past, committed: past.committed + spent, images: past.images + images };
  }

  /** Whether a shard has reported. */
  hasReported(shard: number): boolean {
    return this.#reports.has(shard);
  }

  /** Takes a shard's report, also if it is repeated; false for one older than the last, which changes only its own lease. */
  take(report: ShardLeaseReport): boolean {
    this.#sums = undefined;
    this.#leases.set(report.id, withReport(this.#leases.get(report.id), report));
    const before = this.#reports.get(report.shard);
    if (before && report.seq < before.seq) return false;
    this.#reports.set(report.shard, report);
    return true;
  }

  /**
   * What can be granted to the open shards: to those that can buy nothing first, then in their order. Undefined if there
   * is nothing to grant, and nothing that the number in the bucket lacks.
   */
  plan(cap: number, open: readonly Open[]): Grants | undefined {
    if (this.#pending) return undefined;
    let free = cap - this.sums.committed;
    const leases: { id: string; granted: number }[] = [];
    let by = this.unrecorded;
    for (const { lease, want, price } of this.#asking(open)) {
      const least = Math.max(1, price, want.least - lease.granted);
      if (free < least) continue;
      const sought = Math.max(least, want.needed - lease.granted, Math.floor(free * SHARE));
      const more = Math.min(free, sought, Math.max(least, want.most - lease.granted));
      leases.push({ id: lease.id, granted: lease.granted + more });
      free -= more;
      by += more;
    }
    return by > 0 ? { by, leases } : undefined;
  }

  /** Notes that the bucket's number is being raised for grants. */
  begin(grants: Grants): void {
    this.#pending = grants;
  }

  /** Takes the bucket's answer to the last grants; returns the shards that got something. */
  settle({ isRaised, total }: RaisedTotal): readonly number[] {
    const grants = this.#pending;
    this.#pending = undefined;
    this.#sums = undefined;
    this.#total = Math.max(this.#total, total);
    if (!isRaised || !grants) return [];
    return grants.leases.flatMap((grant) => {
      const { id } = grant;
      const lease = this.#leases.get(id);
      if (!lease) return [];
      // After a reset, a report may have said so before.
      const granted = Math.max(lease.granted, grant.granted);
      // A workflow run that has ended meanwhile never got it.
      const returned = lease.isOver ? granted - lease.reported.spent : lease.returned;
      this.#leases.set(id, { ...lease, granted, returned });
      return lease.isOver ? [] : [lease.shard];
    });
  }

  /** The lease state to send to a shard; undefined before its first report. */
  controlOf(shard: number, cap: number): LeaseControl | undefined {
    const report = this.#reports.get(shard);
    const lease = report && this.#leases.get(report.id);
    if (!lease) return undefined;
    const { id, run, granted } = lease;
    return { id, run, granted, isVoid: this.isVoid(shard), call: this.call(cap) };
  }

  /** Whether a shard's last report came from a workflow run that its lease does not belong to: it was reset. */
  isVoid(shard: number): boolean {
    const report = this.#reports.get(shard);
    return report !== undefined && this.#leases.get(report.id)?.run !== report.run;
  }

  /** What shards must return. */
  call(cap: number): LeaseCall {
    if (this.sums.committed > cap) return 'all';
    return [...this.#reports.values()].some((report) => this.#isStarved(report, cap)) ? 'spare' : 'nothing';
  }

  /** The price of the cheapest next image if no open shard can buy one for lack of money; undefined if one can, or may soon. */
  stoppedAt(cap: number, open: readonly Open[]): number | undefined {
    const prices: number[] = [];
    for (const { shard, execution } of open) {
      const report = this.#reports.get(shard);
      if (report?.execution !== execution || report.state === 'working') return undefined;
      if (report.state !== 'starved') continue;
      if (!this.#isStarved(report, cap)) return undefined;
      prices.push(report.price);
    }
    return prices.length > 0 ? Math.min(...prices) : undefined;
  }

  /** Whether a shard can buy nothing, and gets nothing that would change that. */
  #isStarved(report: ShardLeaseReport, cap: number): boolean {
    const lease = this.#leases.get(report.id);
    if (report.state !== 'starved' || !lease || lease.isOver || this.isVoid(report.shard)) return false;
    const least = (report.want?.least ?? 0) - lease.granted;
    const isComing = this.#pending?.leases.some(({ id }) => id === lease.id) ?? false;
    return least > 0 && !isComing && least > cap - this.sums.committed - (this.#pending?.by ?? 0);
  }

  #asking(open: readonly Open[]) {
    const newest = isNewest([...this.#leases.values()]);
    return open
      .flatMap(({ shard, execution }) => {
        const report = this.#reports.get(shard);
        const lease = report && this.#leases.get(report.id);
        const mayHave = lease?.run === report?.run && !lease?.isOver && lease && newest(lease);
        if (!report?.want || !mayHave || report.execution !== execution) return [];
        const { want, price, state } = report;
        return lease.granted < want.needed ? [{ lease, want, price, isStarved: state === 'starved' }] : [];
      })
      .toSorted((a, b) => Number(b.isStarved) - Number(a.isStarved) || a.lease.shard - b.lease.shard);
  }

  #sum(of: (lease: Lease) => number): number {
    return [...this.#leases.values()].reduce((sum, lease) => sum + of(lease), 0);
  }
}
