const WINDOW_MS = 60_000;
const LEAST_MS = 5_000;

/** How fast images were stored lately, from repeated checks, which an average since the start hides. */
export class Pace {
  readonly #checks: { readonly atMs: number; readonly stored: number }[] = [];

  /**
   * Records a check; returns the images a minute over the last minute of checks, undefined in the first few seconds. A
   * check that knows of fewer images than the one before, as while a worker is away, counts as one without news.
   */
  note(stored: number, nowMs: number): number | undefined {
    const most = Math.max(stored, this.#checks.at(-1)?.stored ?? 0);
    this.#checks.push({ atMs: nowMs, stored: most });
    while (this.#checks.length > 2 && nowMs - (this.#checks[1]?.atMs ?? nowMs) > WINDOW_MS) {
      this.#checks.shift();
    }
    const [first] = this.#checks;
    if (!first || nowMs - first.atMs < LEAST_MS) return undefined;
    return Math.round(((most - first.stored) / (nowMs - first.atMs)) * 600_000) / 10;
  }
}
