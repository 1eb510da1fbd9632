/** Timers of correct clients may fire this much early. */
const SLACK_MS = 50;

/** Remembers how long each client was told to wait. */
export class RetryWatch {
  readonly #notBefore = new Map<string, number>();

  /** Records that `who` must wait until `at`. */
  noteWait(who: string, at: number): void {
    this.#notBefore.set(who, at);
  }

  /** Whether `who` was told to wait longer than `now`; each wait counts once. */
  isEarly(who: string, now: number): boolean {
    const notBefore = this.#notBefore.get(who);
    if (notBefore === undefined) return false;
    this.#notBefore.delete(who);
    return now < notBefore - SLACK_MS;
  }
}
