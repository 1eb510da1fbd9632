import type { MisbehaviourName } from './misbehaviour.js';
import type { NoticeStats } from './jobs/notices.js';

type Counts = Readonly<Record<string, number>>;

/** Counts of a sandbox since its start; jobs and charges include those of its state file. */
export interface SandboxStats {
  readonly jobsMade: number;
  /** Creates answered with the job that their key had made before. */
  readonly replays: number;
  /** Keys replayed with another body than the first: always a fault of the client. */
  readonly replayMismatches: number;
  /** Creates by the status of their answer; `dropped` if the connection was cut. */
  readonly creates: Counts;
  /** Polls by the status of their answer. */
  readonly polls: Counts;
  /** Reads of the balance by the status of their answer. */
  readonly balanceReads: Counts;
  /** Creates that met an outage, a bad key, a paused model or an empty balance. */
  readonly createsDuringHold: number;
  /** Requests repeated before their Retry-After was over: always a fault of the client. */
  readonly retriedTooEarly: number;
  /** 429s sent. */
  readonly tooManyRequests: number;
  readonly inFlight: number;
  readonly mostInFlight: number;
  /** How polls noticed the ends of jobs. */
  readonly endsSeen: NoticeStats;
  readonly jobsDone: number;
  readonly jobsFailed: Counts;
  readonly jobsLost: number;
  readonly jobsCharged: number;
  /** Sum of all charges, an exact decimal string. */
  readonly charged: string;
  /** Sum of all reservations, an exact decimal string. */
  readonly reserved: string;
  /** Images sent completely. */
  readonly imagesServed: number;
  /** Requests to the image host by status; `truncated`, `cut` and `wrong-body` for faulty bodies. */
  readonly imageRequests: Counts;
  readonly webhooks: { readonly sent: number; readonly accepted: number; readonly failed: number };
  /** How often each misbehaviour was played. */
  readonly misbehaviours: Readonly<Partial<Record<MisbehaviourName, number>>>;
}

class Counter {
  readonly #counts = new Map<string, number>();

  add(label: string): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
  }

  read(): Counts {
    return Object.fromEntries(this.#counts);
  }
}

/** Counts of requests; counts of jobs and money are kept elsewhere. */
export class Tally {
  readonly creates = new Counter();
  readonly polls = new Counter();
  readonly balanceReads = new Counter();
  readonly imageRequests = new Counter();
  readonly webhooks = { sent: 0, accepted: 0, failed: 0 };
  replays = 0;
  replayMismatches = 0;
  createsDuringHold = 0;
  retriedTooEarly = 0;
  tooManyRequests = 0;
  imagesServed = 0;

  read() {
    return {
      replays: this.replays,
      replayMismatches: this.replayMismatches,
      creates: this.creates.read(),
      polls: this.polls.read(),
      balanceReads: this.balanceReads.read(),
      createsDuringHold: this.createsDuringHold,
      retriedTooEarly: this.retriedTooEarly,
      tooManyRequests: this.tooManyRequests,
      imagesServed: this.imagesServed,
      imageRequests: this.imageRequests.read(),
      webhooks: { ...this.webhooks },
    };
  }
}
