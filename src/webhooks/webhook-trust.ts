/** This many jobs in a row that were found ended by a poll, and never told, mean that nothing comes through. */
const MISSED_IN_A_ROW = 5;
const DISTRUST_MS = 5 * 60_000;

/** Whether webhooks come at present: where they do not, waiting for them would only lose time. By any clock, in milliseconds. */
export class WebhookTrust {
  #missed = 0;
  #distrustedUntilMs = -Infinity;

  isGiven(nowMs: number): boolean {
    return nowMs >= this.#distrustedUntilMs;
  }

  /** A webhook has ended a wait. */
  noteCame(): void {
    this.#missed = 0;
    this.#distrustedUntilMs = -Infinity;
  }

  /** A poll has found a job ended of which a webhook was expected to tell. */
  noteMissed(nowMs: number): void {
    this.#missed += 1;
    // From then on one that is missed is enough, until one comes.
    if (this.#missed >= MISSED_IN_A_ROW) this.#distrustedUntilMs = nowMs + DISTRUST_MS;
  }
}
