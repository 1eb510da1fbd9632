import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Body, Endpoint } from './endpoints.js';
import { NoAnswer, type Answer, type Auth, type Service } from './service.js';

/** A job that a create of this run has made. */
export interface MadeJob {
  /** Undefined if there was no answer, or no id in it. */
  readonly jobId: string | undefined;
  /** What the create was sent for. */
  readonly purpose: string;
  /** False if it should have been refused, or should have returned an earlier job. */
  readonly intended: boolean;
}

/** A create that was not sent, because it might have made one job more than allowed. */
export class BoundReached extends Error {
  override readonly name = 'BoundReached';
}

const answerWithJob = z.object({ job_id: z.string() });

/**
 * Sends creates, of which at most `most` are ever accepted: once that many were or may have been accepted, none is
 * sent, not even one that should be refused or should return an earlier job. A create without an answer is repeated
 * with its key, and counts each time until a replay has shown that the server knows its keys.
 */
export class Creates {
  readonly made: MadeJob[] = [];
  readonly most: number;
  readonly #service: Service;
  #keys: 'not known' | 'kept' | 'ignored' = 'not known';
  /** Creates without an answer, which would be separate jobs on a server that ignores keys. */
  #lost = 0;

  constructor(service: Service, most: number) {
    this.#service = service;
    this.most = most;
  }

  /** How many more may be accepted. */
  get room(): number {
    return this.most - this.made.length - this.#lost;
  }

  /** Throws `BoundReached`, and what the service throws. */
  async send(
    endpoint: Endpoint,
    body: Body | string,
    options: {
      readonly purpose: string;
      readonly intended?: boolean;
      readonly auth?: Auth;
      /** Default: a new one. */
      readonly idempotencyKey?: string;
      /** Whether the key was sent before: then an answer with a known job of this run does not count again. */
      readonly again?: boolean;
    },
  ): Promise<Answer> {
    if (this.room <= 0) throw new BoundReached(`${this.most} creates were accepted or may have been`);
    const { purpose, intended = false, auth = 'own', idempotencyKey = randomUUID(), again = false } = options;
    const call = { method: 'POST', path: endpoint.path, auth, idempotencyKey, body } as const;
    let lost = 0;
    const mayRepeat = (mayBeDone: boolean) => {
      if (mayBeDone) lost += 1;
      return this.#keys === 'kept' || lost < this.room;
    };
    try {
      const answer = await this.#service.ask(call, mayRepeat);
      if (answer.status >= 200 && answer.status < 300) {
        const parsed = answerWithJob.safeParse(answer.json);
        this.#lost += this.#keys === 'kept' ? 0 : lost;
        this.#note({ jobId: parsed.success ? parsed.data.job_id : undefined, purpose, intended }, again);
      }
      return answer;
    } catch (error) {
      // An interrupted create may have made a job, too.
      if (!(error instanceof NoAnswer)) lost += 1;
      if (lost > 0) {
        this.made.push({ jobId: undefined, purpose: `${purpose} (no answer)`, intended });
        this.#lost += this.#keys === 'kept' ? 0 : lost - 1;
      }
      throw error;
    }
  }

  #note(job: MadeJob, again: boolean): void {
    const known = job.jobId !== undefined && this.made.some(({ jobId }) => jobId === job.jobId);
    if (again && known && this.#keys !== 'ignored') {
      this.#keys = 'kept';
      this.#lost = 0;
    } else if (again && !known) this.#keys = 'ignored';
    if (!again || !known) this.made.push(job);
  }
}
