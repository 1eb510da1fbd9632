import { pollTimesOf, UNKNOWN_POLL_TIMES, type PollTimes } from '../../domain/time/poll-schedule.js';
import type { ShardRow } from '../../domain/rows/row.js';

/** Of jobs that began together the last to end are the longest: this many that several windows' worth are among them. */
const KEPT = 256;

/** What decides how long a job takes. */
export type JobKind = Pick<ShardRow, 'model' | 'resolution' | 'inputImages'>;

/** What is known of how long a job took. Milliseconds since its create was answered. */
export interface SeenEnd {
  /** How long before that poll it had ended, by the service's own clock, in whole seconds; undefined where it does not say. */
  readonly endedAgoMs: number | undefined;
  /** The last poll that showed it unfinished; 0 where none did. */
  readonly unfinishedMs: number;
  /** The poll that showed its end. */
  readonly endedMs: number;
}

/** How long recent jobs took, by model, resolution and mode: tells when polls of such a job are worth while. */
export class JobTimes {
  readonly #kinds = new Map<string, { readonly tookMs: number[]; pollTimes?: PollTimes | undefined }>();
  readonly #unknown: PollTimes;

  /** `unknown` holds for jobs of whose kind too few are known. */
  constructor(unknown: PollTimes = UNKNOWN_POLL_TIMES) {
    this.#unknown = unknown;
  }

  /** Believes the service's clock within what was seen. */
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
