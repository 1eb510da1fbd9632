import type { HoldScope } from '../../../domain/batch/holds.js';

/** When a scope was last released, and how long its last hold waited for the first check. */
interface Release {
  readonly atMs: number;
  readonly firstLookAfterMs: number;
}

/** A hold that returns this soon after its release shows that the probe checked the wrong thing. */
const SAME_HOLD_MS = 5 * 60_000;

/** How soon a probe checks a hold that returns. */
export class HoldReleases {
  readonly #probeFirstMs: number;
  readonly #probeLongestMs: number;
  readonly #releases = new Map<HoldScope, Release>();

  constructor(waits: { readonly probeFirstMs: number; readonly probeLongestMs: number }) {
    this.#probeFirstMs = waits.probeFirstMs;
    this.#probeLongestMs = waits.probeLongestMs;
  }

  /** Records the end of a scope's hold and its wait before the first check; 0 if the probe has shown whose fault it was. */
  note(scope: HoldScope, firstLookAfterMs: number): void {
    this.#releases.set(scope, { atMs: Date.now(), firstLookAfterMs });
  }

  /** Zero for a scope's first hold, then longer each time it returns soon, since the probe did not check the real cause. */
  firstLookAfterMs(scope: HoldScope): number {
    const last = this.#releases.get(scope);
    if (!last || Date.now() - last.atMs > SAME_HOLD_MS) return 0;
    const shortestMs = scope === 'storage' ? this.#probeFirstMs : this.#probeFirstMs / 8;
    return Math.min(this.#probeLongestMs, Math.max(shortestMs, 2 * last.firstLookAfterMs));
  }
}
