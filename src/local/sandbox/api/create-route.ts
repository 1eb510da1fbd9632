import { randomUUID } from 'node:crypto';
import { authenticate, forbid } from './access.js';
import { fieldErrors, objectError, textError, type Answer } from '../answer.js';
import { API_PATH, type Endpoint } from '../contract.js';
import { parseCreateRequest, type CreateRequest } from './create-request.js';
import { fetchInputImages } from './input-images.js';
import { decideFate, isStuck } from '../jobs/job-fate.js';
import type { Job } from '../jobs/job.js';
import { parseMicros } from '../jobs/ledger.js';
import { isPoisoned } from '../poison.js';
import type { PixelSize } from '../images/render/image-size.js';
import type { SandboxCore } from '../sandbox-core.js';
import { outageAnswer, PAUSE_TEXTS, transientFault } from '../transient-fault.js';

/** Share of a job's time that it spends queued. */
const QUEUED_SHARE = 0.2;

/** A received create. */
export interface CreateCall {
  readonly endpoint: Endpoint;
  readonly authorization: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly body: string;
}

/** Answers creates; calls `onJob` with each job it makes. */
export class CreateRoute {
  readonly #core: SandboxCore;
  readonly #onJob: (job: Job) => void;
  /** Running creates, by account and key: a replay waits for the first. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(core: SandboxCore, onJob: (job: Job) => void) {
    this.#core = core;
    this.#onJob = onJob;
  }

  /** The answer to a create, counted. */
  async answer(call: CreateCall): Promise<Answer> {
    const core = this.#core;
    const who = `create ${call.idempotencyKey ?? call.body}`;
    if (core.retries.isEarly(who, core.now())) core.tally.retriedTooEarly += 1;
    const outage = outageAnswer(core, 'api');
    if (outage !== undefined) core.tally.createsDuringHold += 1;
    return outage ?? transientFault(core, 'create', who) ?? (await this.#admit(call));
  }

  #hold(refusal: Answer): Answer {
    this.#core.tally.createsDuringHold += 1;
    return refusal;
  }

  async #admit(call: CreateCall): Promise<Answer> {
    const access = authenticate(this.#core.settings, call.authorization);
    if ('refusal' in access) return this.#hold(access.refusal);
    const { account } = access.key;
    const forbidden = forbid(access.key, call.endpoint);
    if (forbidden !== undefined) return this.#hold(forbidden);
    const parsed = parseCreateRequest(call.endpoint, call.body);
    if ('problems' in parsed) return fieldErrors(parsed.problems);
    const { idempotencyKey } = call;
    if (idempotencyKey === undefined) return this.#create(account, parsed.request, null);

    const name = `${account}\0${idempotencyKey}`;
    for (let other = this.#underWay.get(name); other !== undefined; other = this.#underWay.get(name)) {
      await other.catch(() => undefined);
    }
    const creating = this.#create(account, parsed.request, idempotencyKey);
    this.#underWay.set(name, creating);
    try {
      return await creating;
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #create(account: string, request: CreateRequest, idempotencyKey: string | null): Promise<Answer> {
    const core = this.#core;
    const made = idempotencyKey === null ? undefined : core.jobs.madeBy(account, idempotencyKey);
    if (made !== undefined) {
      const refusal = core.settings.replayBeforeChecks ? undefined : this.#refusal(account, request);
      return refusal ?? this.#replay(made, request);
    }
    const early = this.#refusal(account, request);
    if (early !== undefined) return early;
    if (isPoisoned(request.prompt, 'create-502')) return { kind: 'html', status: 502 };
    let inputSize: PixelSize | undefined;
    if (request.mode === 'image') {
      if (core.misbehaviour.plays('create-upload-failed')) return textError(502, 'failed to upload inputs');
      const inputs = await fetchInputImages(request.inputImageUrls, core.dispatcher);
      if (inputs.kind === 'problem') return objectError(422, inputs.message, 'input_images_urls');
      if (request.aspectRatio === 'auto') {
        inputSize = inputs.firstSize;
        if (inputSize === undefined) {
          return objectError(422, 'input image 1 could not be read as an image', 'input_images_urls');
        }
      }
      // Fetching took time, in which other creates may have reserved the balance.
      const late = this.#refusal(account, request);
      if (late !== undefined) return late;
    }
    const job = this.#makeJob(account, request, idempotencyKey, inputSize);
    if (core.misbehaviour.plays('create-lost-answer')) return { kind: 'drop' };
    if (core.misbehaviour.plays('create-lost-to-504')) return { kind: 'html', status: 504 };
    return this.#accepted(job);
  }

  #refusal(account: string, request: CreateRequest): Answer | undefined {
    const core = this.#core;
    if (core.settings.pausedModels.includes(request.model)) {
      return this.#hold(objectError(503, PAUSE_TEXTS[1]));
    }
    core.jobs.settle(core.now());
    const price = parseMicros(core.settings.prices[request.model][request.resolution]);
    if (!core.ledger.covers(account, price)) return this.#hold(objectError(402, 'Insufficient balance'));
    return undefined;
  }

  #replay(job: Job, request: CreateRequest): Answer {
    const { settings, tally } = this.#core;
    if (job.requestDigest !== request.digest) {
      tally.replayMismatches += 1;
      return textError(
        settings.replayMismatchStatus,
        'Idempotency-Key was already used with a different request body',
      );
    }
    tally.replays += 1;
    return this.#accepted(job);
  }

  #makeJob(
    account: string,
    request: CreateRequest,
    idempotencyKey: string | null,
    inputSize: PixelSize | undefined,
  ): Job {
    const core = this.#core;
    const { settings } = core;
    const createdAt = core.now();
    const { end, takesMs } = decideFate({
      misbehaviour: core.misbehaviour,
      seed: core.seed,
      account,
      prompt: request.prompt,
      jobsBefore: core.jobs.countOfPrompt(account, request.prompt),
      jobTimeMs: settings.jobTimeMs,
    });
    const queuedMs = isStuck(takesMs) ? 0 : Math.round(takesMs * QUEUED_SHARE);
    const workedMs = takesMs - queuedMs;
    const earliest = createdAt + queuedMs;
    const startedAt = isStuck(takesMs) ? earliest : core.slots.take(earliest, workedMs, settings.concurrency);
    const job: Job = {
      id: randomUUID(),
      account,
      model: request.model,
      mode: request.mode,
      prompt: request.prompt,
      aspectRatio: request.aspectRatio,
      resolution: request.resolution,
      ...(inputSize === undefined ? {} : { inputSize }),
      idempotencyKey,
      requestDigest: request.digest,
      callbackUrl: request.callbackUrl ?? settings.webhookUrl,
      price: settings.prices[request.model][request.resolution],
      createdAt,
      startedAt,
      finishedAt: startedAt + workedMs,
      end,
    };
    core.jobs.add(job);
    core.record({ kind: 'job', job });
    this.#onJob(job);
    return job;
  }

  /** As in production, `status_url` has no host, and every other one lacks the `/api` prefix. */
  #accepted(job: Job): Answer {
    const prefix =
      this.#core.misbehaviour.share('status-url') < 0.5 ? API_PATH : API_PATH.replace('/api', '');
    const id = isPoisoned(job.prompt, 'bad-job-id') ? `${job.id}/../jobs` : job.id;
    return {
      kind: 'json',
      status: 202,
      body: { job_id: id, status: 'queued', status_url: `${prefix}/jobs/${id}` },
    };
  }
}
