import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Body, Endpoint } from './endpoints.js';
import { NoAnswer, type Answer, type Auth, type Service } from './service.js';

/** A job that a create of this run has made. */
export interface MadeJob {
  /** Undefined where the answer gave none, or never came. */
  readonly jobId: string | undefined;
  /** What the create was sent for. */
  readonly purpose: string;
  /** False where it should have been refused, or should have given an earlier job. */
  readonly intended: boolean;
}

/** A create that was not sent, because it might have made one job too many. */
export class BoundReached extends Error {
  override readonly name = 'BoundReached';
}

const answerWithJob = z.object({ job_id: z.string() });

/**
 * Sends creates, and no more of them are ever accepted than `most`: while so many were, or may have been, none is sent,
 * not even one that should be refused or should give an earlier job.
 */
export class Creates {
  readonly made: MadeJob[] = [];
  readonly most: number;
  readonly #service: Service;

  constructor(service: Service, most: number) {
    this.#service = service;
    this.most = most;
  }

  /** How many more may be accepted. */
  get room(): number {
    return this.most - this.made.length;
  }

  /** Throws `BoundReached`, and what the service throws. */
  async send(
    endpoint: Endpoint,
    body: Body | string,
    options: {
      readonly purpose: string;
      readonly intended?: boolean;
      readonly auth?: Auth;
      /** Default a fresh one. */
      readonly idempotencyKey?: string;
      /** Whether the key was sent before: then an answer with a job of this run counts as no other one. */
      readonly again?: boolean;
    },
  ): Promise<Answer> {
    if (this.room <= 0) throw new BoundReached(`${this.most} creates were accepted already`);
    const { purpose, intended = false, auth = 'own', idempotencyKey = randomUUID(), again = false } = options;
    const call = { method: 'POST', path: endpoint.path, auth, idempotencyKey, body } as const;
    try {
      const answer = await this.#service.ask(call);
      if (answer.status >= 200 && answer.status < 300) {
        const parsed = answerWithJob.safeParse(answer.json);
        this.#note({ jobId: parsed.success ? parsed.data.job_id : undefined, purpose, intended }, again);
      }
      return answer;
    } catch (error) {
      // It may have been made all the same: its answer is what is missing.
      if (!(error instanceof NoAnswer) || error.mayBeDone) {
        this.#note({ jobId: undefined, purpose: `${purpose} (no answer)`, intended }, false);
      }
      throw error;
    }
  }

  #note(job: MadeJob, again: boolean): void {
    const known = again && job.jobId !== undefined && this.made.some(({ jobId }) => jobId === job.jobId);
    if (!known) this.made.push(job);
  }
}
