import { pollTimesOf, UNKNOWN_POLL_TIMES, type PollTimes } from '../../domain/time/poll-schedule.js';
import type { ShardRow } from '../../domain/rows/row.js';

/** Of jobs that began together the last to end are the longest, so this covers several windows. */
const KEPT = 256;

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
}

/** How long recent jobs took, by model, resolution and mode: decides when to poll such a job. */
export class JobTimes {
  readonly #kinds = new Map<string, { readonly tookMs: number[]; pollTimes?: PollTimes | undefined }>();
  readonly #unknown: PollTimes;

  /** `unknown` applies to kinds with too few known jobs. */
  constructor(unknown: PollTimes = UNKNOWN_POLL_TIMES) {
    this.#unknown = unknown;
  }

  /** Uses the service's clock as far as it agrees with the polls. */
  note(kind: JobKind, { endedAgoMs, unfinishedMs, endedMs }: SeenEnd): void {
    const name = nameOf(kind);
    const times = this.#kinds.get(name)?.tookMs ?? [];
    const seenMs = endedMs - (endedAgoMs ?? (endedMs - unfinishedMs) / 2);
    times.push(Math.min(Math.max(seenMs, unfinishedMs), endedMs));
    if (times.length > KEPT) times.shift();
    this.#kinds.set(name, { tookMs: times });
  }

  pollTimes(kind: JobKind): PollTimes {
    const known = this.#kinds.get(nameOf(kind));
    if (!known) return this.#unknown;
    known.pollTimes ??= pollTimesOf(known.tookMs) ?? this.#unknown;
    return known.pollTimes;
  }
}

function nameOf({ model, resolution, inputImages }: JobKind): string {
  return `${model} ${resolution} ${inputImages.length > 0 ? 'image' : 'text'}`;
}
