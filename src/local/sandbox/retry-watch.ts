/** Timers of clients may ring this much early without being at fault. */
const SLACK_MS = 50;

/** Remembers who was told to wait until when. */
export class RetryWatch {
  readonly #notBefore = new Map<string, number>();

  /** Tells `who` to stay away until `at`. */
  tell(who: string, at: number): void {
    this.#notBefore.set(who, at);
  }

  /** Whether `who` was told to come later than this; each word is held against it once. */
  isEarly(who: string, now: number): boolean {
    const notBefore = this.#notBefore.get(who);
    if (notBefore === undefined) return false;
    this.#notBefore.delete(who);
    return now < notBefore - SLACK_MS;
  }
}
