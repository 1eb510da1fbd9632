import { REQUEST_CHECKS, EVIDENCE_CHECKS } from './all-checks.js';
import { buySamples, type Purchases } from './buy-samples.js';
import type { Probe } from './check.js';
import { BoundReached, Creates, type MadeJob } from './creates.js';
import { ENDPOINT_RULE, findEndpoints } from './endpoint-check.js';
import { ENDPOINTS } from './endpoints.js';
import type { Evidence } from './evidence.js';
import { fetchImage } from './image-fetch.js';
import { pollToEnd, type Workshop } from './make-sample.js';
import type { SuiteOptions } from './options.js';
import { planSamples } from './samples.js';
import { NoAnswer, Service } from './service.js';
import type { Cost, Result, Rule, Verdict } from './verdict.js';
import { listenForWebhooks, type WebhookReceiver } from './webhook-receiver.js';

/** Checks without an answer in a row after which no more requests are sent. */
const GIVE_UP_AFTER = 3;

/** The results of a run so far. */
export interface SuiteRun {
  readonly results: readonly Result[];
  /** Every job that a create of this run has made or may have made. */
  readonly jobs: readonly MadeJob[];
  readonly interrupted: boolean;
  /** Whether something was left out because the service did not answer. */
  readonly unanswered: boolean;
}

/** The service cannot be reached: wrong address, wrong key, no connection. The message says what to do. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/**
 * Runs the suite, free checks first; at most `maxImages` creates are accepted in all. `say` gets a line about each
 * step. Throws `Unreachable`; an interruption ends it with the results so far.
 */
export async function runSuite(
  options: SuiteOptions,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<SuiteRun> {
  const { baseUrl, key, maxImages, webhook } = options;
  const service = new Service({ baseUrl, key, signal });
  let receiver: WebhookReceiver | undefined;
  try {
    receiver = webhook && (await listenForWebhooks(webhook.port));
    const suite = new Suite(options, service, new Creates(service, maxImages), receiver, signal, say);
    return await suite.run();
  } finally {
    await receiver?.close();
    await service.close();
  }
}

class Suite {
  readonly #options: SuiteOptions;
  readonly #service: Service;
  readonly #creates: Creates;
  readonly #receiver: WebhookReceiver | undefined;
  readonly #signal: AbortSignal;
  readonly #say: (line: string) => void;
  readonly #results: Result[] = [];
  readonly #purchases: Purchases = { samples: [], repeats: {} };
  /** Checks in a row. */
  #unanswered = 0;
  #everUnanswered = false;
  readonly #awaited = new Set<string>();
  #inputSize: Evidence['inputSize'];

  constructor(
    options: SuiteOptions,
    service: Service,
    creates: Creates,
    receiver: WebhookReceiver | undefined,
    signal: AbortSignal,
    say: (line: string) => void,
  ) {
    this.#options = options;
    this.#service = service;
    this.#creates = creates;
    this.#receiver = receiver;
    this.#signal = signal;
    this.#say = say;
  }

  async run(): Promise<SuiteRun> {
    let interrupted = false;
    try {
      await this.#greet();
      await this.#askAll();
      // The account must have settled before it is checked.
      await this.#awaitUnintended();
      if (!this.#options.onlyFree) await this.#buyAll();
      await this.#awaitUnintended();
    } catch (error) {
      if (!this.#signal.aborted) throw error;
      interrupted = true;
    }
    this.#lookAll();
    const unanswered = this.#everUnanswered;
    return { results: this.#results, jobs: this.#creates.made, interrupted, unanswered };
  }

  async #greet(): Promise<void> {
    const { baseUrl } = this.#options;
    // A mistyped address should be reported soon.
    let faults = 0;
    const call = { method: 'GET', path: '/balance' } as const;
    const answer = await this.#service
      .ask(call, () => (faults += 1) < 2)
      .catch((error: unknown) => {
        if (error instanceof NoAnswer)
          throw new Unreachable(`${error.message}. Check --base-url, or try again later.`);
        throw error;
      });
    if (answer.status === 401) {
      throw new Unreachable(`${baseUrl} refuses the key (401). Check --key or BANANAHUB_API_KEY.`);
    }
    const isElsewhere = answer.status === 404 || (answer.status >= 300 && answer.status < 400);
    if (isElsewhere || answer.json === undefined) {
      const what = isElsewhere ? '' : ' without JSON';
      const cause = `${baseUrl}/balance answered ${answer.status}${what}`;
      throw new Unreachable(
        `${cause}: this is not the BananaHub API, whose address ends in /api/v1. Check --base-url.`,
      );
    }
  }

  async #askAll(): Promise<void> {
    let endpoints = ENDPOINTS;
    await this.#ask(ENDPOINT_RULE, async () => {
      const found = await findEndpoints({ creates: this.#creates });
      endpoints = found.endpoints;
      return found.verdict;
    });
    const { inputImage, onlyFree } = this.#options;
    const probe: Probe = {
      service: this.#service,
      creates: this.#creates,
      endpoints,
      inputImage,
      mayRisk: !onlyFree,
    };
    for (const check of REQUEST_CHECKS) await this.#ask(check, () => check.ask(probe));
  }

  async #ask(rule: Rule & { readonly cost: Cost }, ask: () => Promise<Verdict>): Promise<void> {
    this.#note(rule, await this.#verdict(ask));
  }

  async #verdict(ask: () => Promise<Verdict>): Promise<Verdict> {
    if (this.#unanswered >= GIVE_UP_AFTER) return { kind: 'skipped', why: 'the service stopped answering' };
    try {
      const verdict = await ask();
      this.#unanswered = 0;
      return verdict;
    } catch (error) {
      if (error instanceof BoundReached) {
        const why = `${error.message}, and this check might make another one`;
        return { kind: 'skipped', why, enable: `with --max-images ${this.#creates.most + 1}` };
      }
      if (!(error instanceof NoAnswer)) throw error;
      this.#miss();
      return { kind: 'skipped', why: error.message };
    }
  }

  #miss(): void {
    this.#unanswered += 1;
    this.#everUnanswered = true;
  }

  #note({ id, sentence, section, cost }: Rule & { readonly cost: Cost }, verdict: Verdict): void {
    this.#results.push({ id, sentence, section, cost, verdict });
    if (verdict.kind === 'fail') this.#say(`${id} does not hold`);
  }

  async #buyAll(): Promise<void> {
    const { inputImage, webhook, baseUrl, key, pollMs, jobTimeoutMs } = this.#options;
    if (inputImage !== undefined) {
      this.#inputSize = await fetchImage(inputImage, this.#signal).then(
        ({ pixels }) => pixels,
        () => undefined,
      );
    }
    const shop: Workshop = {
      service: this.#service,
      creates: this.#creates,
      baseUrl,
      key,
      inputImage,
      webhook: webhook && this.#receiver && { url: webhook.url, receiver: this.#receiver },
      pollMs,
      jobTimeoutMs,
      signal: this.#signal,
    };
    await buySamples(shop, planSamples(this.#options).planned, this.#purchases, {
      say: this.#say,
      miss: (error) => {
        this.#miss();
        this.#say(error.message);
      },
    });
  }

  /** An unintended job is paid for, too: it is awaited like any other. */
  async #awaitUnintended(): Promise<void> {
    for (const { jobId, intended, purpose } of this.#creates.made) {
      if (intended || jobId === undefined || this.#awaited.has(jobId)) continue;
      this.#awaited.add(jobId);
      this.#say(`a job was created that should not have been (${purpose}); waiting for its end …`);
      try {
        await pollToEnd({ ...this.#options, service: this.#service, signal: this.#signal }, jobId);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        this.#miss();
      }
    }
  }

  #lookAll(): void {
    const { onlyFree, inputImage } = this.#options;
    const evidence: Evidence = {
      apiOrigin: this.#service.origin,
      answers: this.#service.answers,
      ...this.#purchases,
      inputSize: this.#inputSize,
      inputImage,
      listened: this.#receiver !== undefined,
    };
    for (const check of EVIDENCE_CHECKS) {
      const verdict =
        onlyFree && check.cost !== 'nothing'
          ? ({ kind: 'skipped', why: 'it needs an image', enable: 'without --only free' } as const)
          : check.look(evidence);
      this.#note(check, verdict);
    }
  }
}
