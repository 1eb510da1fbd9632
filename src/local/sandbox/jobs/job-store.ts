import { DueQueue } from './due-queue.js';
import { JOB_FAILURES, promptSha256, statusAt, type Job, type JobFailure, type JobStatus } from './job.js';
import { type Ledger, parseMicros } from './ledger.js';
import { Notices } from './notices.js';

/** A job in the list for tests: its request and its status, without the prompt itself. */
export interface JobListing {
  readonly jobId: string;
  readonly account: string;
  readonly promptSha256: string;
  readonly model: string;
  readonly idempotencyKey: string | null;
  /** `lost` is a job whose polls are 404s. */
  readonly status: JobStatus | 'lost';
  readonly polls: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly finishedAt: number;
  /** Number of polls up to the first that showed its end, inclusive; absent if none has. */
  readonly pollsToEnd?: number;
  /** Time from its end to that poll. */
  readonly noticedAfterMs?: number;
}

interface Entry {
  readonly job: Job;
  readonly promptSha256: string;
  polls: number;
  seenEnd?: { readonly pollsToEnd: number; readonly noticedAfterMs: number };
}

/** All jobs, by id and by key. A job's status is computed from the clock; nothing runs per job. */
export class JobStore {
  readonly #ledger: Ledger;
  readonly #jobs = new Map<string, Entry>();
  readonly #byKey = new Map<string, Job>();
  readonly #jobsOfPrompt = new Map<string, number>();
  readonly #unfinished = new DueQueue<Job>();
  readonly #failed: Record<JobFailure, number> = { flaky: 0, refused: 0, unknown: 0 };
  readonly #notices = new Notices();
  #done = 0;
  #lost = 0;
  #mostInFlight = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Adds a job, reserves its price, and remembers its key for the lifetime of the sandbox. */
  add(job: Job): void {
    this.settle(job.createdAt);
    const sha256 = promptSha256(job.prompt);
    this.#jobs.set(job.id, { job, promptSha256: sha256, polls: 0 });
    if (job.idempotencyKey !== null) this.#byKey.set(keyOf(job.account, job.idempotencyKey), job);
    const prompt = keyOf(job.account, sha256);
    this.#jobsOfPrompt.set(prompt, (this.#jobsOfPrompt.get(prompt) ?? 0) + 1);
    this.#ledger.reserve(job.account, parseMicros(job.price));
    this.#unfinished.push(job.finishedAt, job);
    this.#mostInFlight = Math.max(this.#mostInFlight, this.#unfinished.size);
  }

  /** Up to `now`, charges done jobs, and returns the reservations of failed and lost ones. */
  settle(now: number): void {
    for (let due = this.#unfinished.takeDue(now); due !== undefined; due = this.#unfinished.takeDue(now)) {
      const { account, price, end } = due.item;
      this.#ledger.settle(account, parseMicros(price), end.kind === 'done' || end.kind === 'imageless');
      if (end.kind === 'failed') this.#failed[end.failure] += 1;
      else if (end.kind === 'lost') this.#lost += 1;
      else this.#done += 1;
    }
  }

  /** The job that an account's key has made. */
  madeBy(account: string, idempotencyKey: string): Job | undefined {
    return this.#byKey.get(keyOf(account, idempotencyKey));
  }

  /** Number of jobs that an account has made of a prompt. */
  countOfPrompt(account: string, prompt: string): number {
    return this.#jobsOfPrompt.get(keyOf(account, promptSha256(prompt))) ?? 0;
  }

  find(id: string): Job | undefined {
    return this.#jobs.get(id)?.job;
  }

  countPoll(id: string, now: number): void {
    const entry = this.#jobs.get(id);
    if (entry === undefined) return;
    entry.polls += 1;
    const { finishedAt } = entry.job;
    if (entry.seenEnd !== undefined || now < finishedAt) return;
    entry.seenEnd = { pollsToEnd: entry.polls, noticedAfterMs: now - finishedAt };
    this.#notices.add(entry.seenEnd);
  }

  unfinished(now: number): readonly Job[] {
    return [...this.#jobs.values()].map(({ job }) => job).filter((job) => job.finishedAt > now);
  }

  list(now: number): readonly JobListing[] {
    return Array.from(this.#jobs.values(), ({ job, promptSha256, polls, seenEnd }) => ({
      jobId: job.id,
      account: job.account,
      promptSha256,
      model: job.model,
      idempotencyKey: job.idempotencyKey,
      status: job.end.kind === 'lost' ? 'lost' : statusAt(job, now),
      polls,
      createdAt: job.createdAt,
      finishedAt: job.finishedAt,
      ...seenEnd,
    }));
  }

  counts(now: number) {
    this.settle(now);
    return {
      jobsMade: this.#jobs.size,
      inFlight: this.#unfinished.size,
      mostInFlight: this.#mostInFlight,
      endsSeen: this.#notices.read(),
      jobsDone: this.#done,
      jobsFailed: Object.fromEntries(JOB_FAILURES.map((kind) => [kind, this.#failed[kind]])),
      jobsLost: this.#lost,
    };
  }
}

function keyOf(account: string, name: string): string {
  return `${account}\0${name}`;
}

/** The service's workers: computes when one is free for a job, first come, first served. */
export class JobSlots {
  readonly #busyUntil = new DueQueue<undefined>();

  /** Takes a slot for `takesMs` from `earliest` on, or when one of `limit` is free; returns its start. */
  take(earliest: number, takesMs: number, limit: number | null): number {
    let start = earliest;
    if (limit !== null) {
      while (this.#busyUntil.takeDue(earliest) !== undefined);
      while (this.#busyUntil.size >= limit) {
        start = this.#busyUntil.takeDue(Number.POSITIVE_INFINITY)?.at ?? start;
      }
      this.#busyUntil.push(start + takesMs, undefined);
    }
    return start;
  }
}
