const WINDOW_MS = 60_000;
const LEAST_MS = 5_000;

/** How fast images were stored lately, from repeated looks: what an average since the start hides. */
export class Pace {
  readonly #looks: { readonly atMs: number; readonly stored: number }[] = [];

  /** Notes a look; the images a minute over the last minute of looks, undefined until a few seconds have been seen. */
  note(stored: number, nowMs: number): number | undefined {
    this.#looks.push({ atMs: nowMs, stored });
    while (this.#looks.length > 2 && nowMs - (this.#looks[1]?.atMs ?? nowMs) > WINDOW_MS) this.#looks.shift();
    const [first] = this.#looks;
    if (!first || nowMs - first.atMs < LEAST_MS) return undefined;
    return Math.round(((stored - first.stored) / (nowMs - first.atMs)) * 600_000) / 10;
  }
}
