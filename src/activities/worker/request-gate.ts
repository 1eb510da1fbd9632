import { setTimeout as sleep } from 'node:timers/promises';
import { type BananaHubClient, withMethods } from '../../bananahub/client.js';
import { BananaHubError } from '../../bananahub/errors.js';

/** For a 429 without a wait. */
const DEFAULT_WAIT_MS = 1_000;
/** After the gate opens, waiting requests are spread over this time. */
const LONGEST_SPREAD_MS = 2_000;
/** Another 429 of the same burst does not count as a new closing. */
const SAME_CLOSING_MS = 1_000;
/** Maximum wait for callers without a limit of their own; source: a probe has 2 min. */
const LONGEST_UNASKED_WAIT_MS = 30_000;

/**
 * Holds back all API requests of a worker while the service has asked one of them to wait (429). One per worker: all
 * its requests belong to the same account.
 */
export class RequestGate {
  #opensAtMs = -Infinity;
  #lastWaitMs = 0;
  readonly #counted = new Set<string>();

  /** Closes the gate for the wait of a 429; a shorter wait than the present one has no effect. */
  close(retryAfterMs = DEFAULT_WAIT_MS): void {
    const untilMs = performance.now() + retryAfterMs;
    if (untilMs <= this.#opensAtMs) return;
    if (untilMs > this.#opensAtMs + SAME_CLOSING_MS) this.#counted.clear();
    this.#opensAtMs = untilMs;
    this.#lastWaitMs = retryAfterMs;
  }

  /** How long the gate stays closed; 0 if it is open. Milliseconds. */
  get closedForMs(): number {
    return Math.max(0, this.#opensAtMs - performance.now());
  }

  /** How long to wait before a request may be sent, varied for each caller; 0 if the gate is open. Milliseconds. */
  waitMs(): number {
    const leftMs = this.closedForMs;
    return leftMs && leftMs + Math.random() * Math.min(LONGEST_SPREAD_MS, this.#lastWaitMs / 4);
  }

  /** True the first time that `who` asks during this closing; false afterwards. */
  isNewsTo(who: string): boolean {
    if (this.#counted.has(who)) return false;
    this.#counted.add(who);
    return true;
  }

  /** Waits until the gate is open. Throws the signal's reason. */
  async passed(signal?: AbortSignal): Promise<void> {
    for (let waitMs = this.waitMs(); waitMs > 0; waitMs = this.waitMs()) {
      await sleepUnlessAborted(waitMs, signal);
    }
  }

  /** The same, but throws a 429 in the service's place if the wait would exceed half a minute. */
  async passedSoon(signal?: AbortSignal): Promise<void> {
    const waitMs = this.waitMs();
    if (waitMs > LONGEST_UNASKED_WAIT_MS) {
      const seconds = Math.ceil(waitMs / 1_000);
      throw new BananaHubError('rate-limited', `it limits requests for another ${seconds} s`, {
        status: 429,
        retryAfterMs: waitMs,
      });
    }
    await this.passed(signal);
  }
}

/** The API behind a gate: no request is sent while it is closed, and each 429 closes it. */
export function behindGate(api: BananaHubClient, gate: RequestGate): BananaHubClient {
  const ask = async <T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    await gate.passedSoon(signal);
    try {
      return await call();
    } catch (error) {
      if (error instanceof BananaHubError && error.code === 'rate-limited') gate.close(error.retryAfterMs);
      throw error;
    }
  };
  return withMethods(api, {
    createGeneration: (request, options) => ask(() => api.createGeneration(request, options), options.signal),
    getJob: (jobId, signal) => ask(() => api.getJob(jobId, signal), signal),
    getBalance: (signal) => ask(() => api.getBalance(signal), signal),
  });
}

/** Waits. Throws the signal's reason as soon as it is aborted. */
async function sleepUnlessAborted(delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(delayMs, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
