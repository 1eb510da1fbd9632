import type { ShardRow } from '../../domain/rows/row.js';
import { pollPlanOf, type PollPlan } from '../../domain/time/poll-table.js';
import { unknownPollPlan } from '../../domain/time/poll-schedule.js';

/** Ends of jobs that began before these are forgotten. */
const KEPT = 256;
/** A plan is made again after this share of the known ends. */
const RENEWED_AFTER = 1 / 16;
/** GETs of a job on average, a little less than 3.5. The copy of its image needs one only in another process. */
export const MOST_GETS = 3.45;
/** Plans are allowed more or fewer where jobs took fewer or more than that: by this share of each one's, and so much. */
const CORRECTED = { share: 0.01, most: 1 };
/** By how much the service's clock may be off, since it reports whole seconds. */
const CLOCK_GRAIN_MS = 1_000;

/** Where in that time a job has ended that took no measurable time: rather too early, since only earlier polls can tell. */
const EARLY_SHARE = 0.25;

/** What decides how long a job takes. */
export type JobKind = Pick<ShardRow, 'model' | 'resolution' | 'inputImages'>;

/** What is known about a job's duration. Milliseconds since its create was answered. */
export interface SeenEnd {
  /** How long before that poll it had ended, by the service's own clock, in whole seconds; undefined if the service does not report it. */
  readonly endedAgoMs: number | undefined;
  /** The last poll that showed it unfinished; 0 if none did. */
  readonly unfinishedMs: number;
  /** The poll that showed its end. */
  readonly endedMs: number;
  /** Polls up to that one. */
  readonly polls: number;
}

/** A job while it is polled. */
export interface PolledJob {
  /** When to poll it, by what is known now. */
  readonly plan: () => PollPlan;
  /** A poll has shown it unfinished then. */
  readonly noteUnfinished: (ageMs: number) => void;
  readonly noteEnd: (seen: SeenEnd) => void;
  /** It is no longer polled here. */
  readonly leave: () => void;
}

interface KnownKind {
  readonly model: JobKind['model'];
  /** How long each job took, by its number in the order of beginnings. */
  readonly tookMs: Map<number, number>;
  /** When each running job was last seen unfinished. */
  readonly unfinishedMs: Map<number, number>;
  plan: PollPlan | undefined;
  endsUntilRenewed: number;
  /** More polls than plans would otherwise be allowed, since jobs took fewer; negative if they took more. */
  spare: number;
}

/** How long recent jobs took, by model, resolution and mode: decides when to poll such a job. */
export class JobTimes {
  readonly #kinds = new Map<string, KnownKind>();
  readonly #unknown: PollPlan;
  readonly #mostPolls: () => number;
  #entered = 0;

  /** `unknown` applies to kinds with too few known jobs. `mostPolls`: allowed polls of a job on average, now. */
  constructor(unknown: PollPlan = unknownPollPlan(), mostPolls: () => number = () => MOST_GETS) {
    this.#unknown = unknown;
    this.#mostPolls = mostPolls;
  }

  /** Begins to poll a job; call its `leave` at the end. Nothing is learned from a job of unknown age. */
  enter(kind: JobKind, { isAgeKnown = true }: { readonly isAgeKnown?: boolean } = {}): PolledJob {
    const known = this.#known(kind);
    const job = this.#entered++;
    const isPlanned = known.plan !== undefined;
    const plan = (): PollPlan => known.plan ?? this.#likeOf(known.model) ?? this.#unknown;
    if (!isAgeKnown) {
      return { plan, noteUnfinished: () => undefined, noteEnd: () => undefined, leave: () => undefined };
    }
    return {
      plan,
      noteUnfinished: (ageMs) => known.unfinishedMs.set(job, ageMs),
      noteEnd: (seen) => {
        known.unfinishedMs.delete(job);
        known.tookMs.set(job, likelyMs(seen));
        if (isPlanned) known.spare = corrected(known.spare, this.#mostPolls() - seen.polls);
        this.#renew(known);
      },
      leave: () => known.unfinishedMs.delete(job),
    };
  }

  #known(kind: JobKind): KnownKind {
    const name = nameOf(kind);
    const known = this.#kinds.get(name) ?? {
      model: kind.model,
      tookMs: new Map(),
      unfinishedMs: new Map(),
      plan: undefined,
      endsUntilRenewed: 0,
      spare: 0,
    };
    this.#kinds.set(name, known);
    return known;
  }

  #renew(known: KnownKind): void {
    const { tookMs, unfinishedMs } = known;
    // All that began after the first of them count, ended or running: else the quick or the slow would count double.
    const oldest = Math.min(...tookMs.keys());
    if (tookMs.size > KEPT) tookMs.delete(oldest);
    known.endsUntilRenewed -= 1;
    if (known.endsUntilRenewed > 0) return;
    known.endsUntilRenewed = Math.floor(tookMs.size * RENEWED_AFTER);
    const running = [...unfinishedMs].filter(([job]) => job > oldest).map(([, ageMs]) => ageMs);
    known.plan = pollPlanOf(
      { tookMs: [...tookMs.values()], unfinishedMs: running },
      this.#mostPolls() + known.spare,
    );
  }

  /** The earliest plan of the model's other kinds: rather a poll more than an end seen late. */
  #likeOf(model: JobKind['model']): PollPlan | undefined {
    let earliest: PollPlan | undefined;
    for (const { model: other, plan } of this.#kinds.values()) {
      if (other === model && plan && plan.firstMs < (earliest?.firstMs ?? Infinity)) earliest = plan;
    }
    return earliest;
  }
}

/** The middle of the time in which a job has ended, by the polls and, as far as it agrees, the service's clock. */
function likelyMs({ endedAgoMs, unfinishedMs, endedMs }: SeenEnd): number {
  if (endedAgoMs === undefined) return (unfinishedMs + endedMs) / 2;
  const saidMs = endedMs - endedAgoMs;
  const within = (ms: number): number => Math.min(endedMs, Math.max(unfinishedMs, ms));
  const [fromMs, toMs] = [within(saidMs - CLOCK_GRAIN_MS), within(saidMs + CLOCK_GRAIN_MS)];
  return fromMs + (toMs - fromMs) * (fromMs > 0 ? 0.5 : EARLY_SHARE);
}

function corrected(spare: number, unused: number): number {
  const { share, most } = CORRECTED;
  return Math.min(most, Math.max(-most, spare + share * unused));
}

function nameOf({ model, resolution, inputImages }: JobKind): string {
  return `${model} ${resolution} ${inputImages.length > 0 ? 'image' : 'text'}`;
}
