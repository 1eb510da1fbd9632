import { chance } from './seeded-chance.js';

/**
 * Decides when to misbehave. Requests of one kind are numbered in order, so a seed gives the same decisions for the
 * same order of requests; decisions about jobs depend on the job, not the order.
 */
export class Misbehaviour {
  readonly #seed: string;
  readonly #rateOf: (name: MisbehaviourName) => number;
  readonly #draws = new Map<string, number>();
  readonly #next = new Map<MisbehaviourName, number>();
  readonly #played = new Map<MisbehaviourName, number>();

  constructor(seed: string, rateOf: (name: MisbehaviourName) => number) {
    this.#seed = seed;
    this.#rateOf = rateOf;
  }

  /** Plays `name` at each of its next `count` opportunities, whatever its rate. */
  order(name: MisbehaviourName, count: number): void {
    this.#next.set(name, count);
  }

  /** Whether `name` happens to this request, or to `subject`; counted if it does. */
  plays(name: MisbehaviourName, subject?: string): boolean {
    const ordered = this.#next.get(name) ?? 0;
    if (ordered > 0) this.#next.set(name, ordered - 1);
    const rate = this.#rateOf(name);
    const happens =
      ordered > 0 ||
      (rate > 0 && (subject === undefined ? this.share(name) : this.#of(name, subject)) < rate);
    if (happens) this.#played.set(name, (this.#played.get(name) ?? 0) + 1);
    return happens;
  }

  /** The next seeded number in [0, 1) of the sequence `name`. */
  share(name: string): number {
    const count = (this.#draws.get(name) ?? 0) + 1;
    this.#draws.set(name, count);
    return chance(this.#seed, name, count);
  }

  #of(name: string, subject: string): number {
    return chance(this.#seed, name, subject);
  }

  /** How often each was played since the start. */
  played(): Readonly<Partial<Record<MisbehaviourName, number>>> {
    return Object.fromEntries(this.#played);
  }
}

/**
 * Everything observed in production that differs from its documentation, by the name of its rate. The rate of a
 * `create-…`, `poll-…`, `image-…` or `webhook-…` is per request, that of a `job-…` per job.
 */
export const MISBEHAVIOURS = {
  'create-429-seconds': 'create: 429 with Retry-After in seconds',
  'create-429-date': 'create: 429 with Retry-After as an HTTP date',
  'create-html-error': 'create: 500, 502, 504 or 520–527 with an HTML page',
  'create-conflict': 'create: 408, 409 or 425',
  'create-paused': 'create: 503, paused',
  'create-upload-failed': 'create from images: 502 "failed to upload inputs"',
  'create-lost-answer': 'create: the job is made, and the connection is cut instead of an answer',
  'create-lost-to-504': 'create: the job is made, and a proxy answers 504 with an HTML page',
  'poll-429-seconds': 'poll: 429 with Retry-After in seconds',
  'poll-429-date': 'poll: 429 with Retry-After as an HTTP date',
  'poll-html-error': 'poll: 500, 502, 504 or 520–527 with an HTML page',
  'poll-conflict': 'poll: 408, 409 or 425',
  'poll-paused': 'poll: 503, paused',
  'poll-pause-notice': 'poll: a pause notice in a running job',
  'poll-no-result': 'poll: a done job with `result` null or an empty `image_url`',
  'poll-unknown-status': 'poll: an undocumented status, of a job that is still running',
  'job-flaky': 'job: fails with an error that can be retried',
  'job-refused': 'job: is refused by moderation',
  'job-unknown': 'job: fails with an unknown error',
  'job-lost': 'job: 404 at every poll, never charged',
  'image-expired': 'image: 403, "Request has expired"',
  'image-truncated': 'image: fewer bytes than its Content-Length',
  'image-cut': 'image: cut short, with a Content-Length that says so',
  'image-octet-stream': 'image: Content-Type application/octet-stream',
  'image-wrong-body': 'image: 200 with an HTML or XML page',
  'image-slow': 'image: its second half comes late',
  'webhook-missing': 'webhook: is not sent',
  'webhook-late': 'webhook: is sent late',
  'webhook-repeated': 'webhook: is sent three times',
  'webhook-early': 'webhook: is sent before a poll shows the end',
  'webhook-swapped': "webhook: reports the end of the previous job at this job's URL",
} as const;

export type MisbehaviourName = keyof typeof MISBEHAVIOURS;

function isName(name: string): name is MisbehaviourName {
  return name in MISBEHAVIOURS;
}

/** All names, in the order of their description. */
export const MISBEHAVIOUR_NAMES: readonly MisbehaviourName[] = Object.keys(MISBEHAVIOURS).filter(isName);
