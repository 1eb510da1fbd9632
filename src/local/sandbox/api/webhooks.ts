import { request } from 'undici';
import type { ImageUrls } from '../images/image-urls.js';
import { jobJson, type Job } from '../jobs/job.js';
import type { SandboxCore } from '../sandbox-core.js';

const DELIVERY_TIMEOUT_MS = 10_000;
const LONGEST_TIMER_MS = 2_147_483_647;
const REPEATS_AFTER_MS = [0, 200, 400];

/** Posts the end of jobs to their callback URL, once each, without retries. */
export class Webhooks {
  readonly #core: SandboxCore;
  readonly #imageUrls: ImageUrls;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #closing = new AbortController();
  #lastReported: Job | undefined;

  constructor(core: SandboxCore, imageUrls: ImageUrls) {
    this.#core = core;
    this.#imageUrls = imageUrls;
  }

  /** Schedules the delivery for an unfinished job; free for a job without a callback URL. */
  schedule(job: Job): void {
    const { callbackUrl } = job;
    const { misbehaviour, settings } = this.#core;
    if (callbackUrl === null || job.end.kind === 'lost' || misbehaviour.plays('webhook-missing')) return;
    const early = misbehaviour.plays('webhook-early') ? (job.finishedAt - job.startedAt) / 2 : 0;
    const late = misbehaviour.plays('webhook-late') ? settings.webhookLateMs : 0;
    const dueInMs = job.finishedAt - early + late - this.#core.now();
    if (dueInMs > LONGEST_TIMER_MS) return;
    const times = misbehaviour.plays('webhook-repeated') ? REPEATS_AFTER_MS : [0];
    for (const afterMs of times) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        void this.#deliver(job, callbackUrl);
      }, dueInMs + afterMs);
      this.#timers.add(timer);
    }
  }

  /** Sends what a poll would show at the job's end, even if that is still in the future. */
  async #deliver(job: Job, callbackUrl: string): Promise<void> {
    const { tally, settings, dispatcher, misbehaviour } = this.#core;
    const now = Math.max(this.#core.now(), job.finishedAt);
    const before = this.#lastReported;
    this.#lastReported = job;
    const reported = before && before !== job && misbehaviour.plays('webhook-swapped') ? before : job;
    const json = jobJson(reported, now, () => this.#imageUrls.make(reported.id, now, settings.urlTtlMs));
    tally.webhooks.sent += 1;
    try {
      const response = await request(callbackUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(json),
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(DELIVERY_TIMEOUT_MS)]),
        dispatcher,
      });
      await response.body.dump();
      if (response.statusCode < 300) tally.webhooks.accepted += 1;
      else tally.webhooks.failed += 1;
    } catch {
      tally.webhooks.failed += 1;
    }
  }

  close(): void {
    this.#closing.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
