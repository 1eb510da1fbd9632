import type { HoldScope } from '../../../domain/batch/holds.js';

/** When a scope was released last, and how long its last hold waited for the first look. */
interface Release {
  readonly atMs: number;
  readonly firstLookAfterMs: number;
}

/** A hold that comes back this soon after its release shows that the probe looked at the wrong thing. */
const SAME_HOLD_MS = 5 * 60_000;

/** How soon a probe looks at a hold that comes back. */
export class HoldReleases {
  readonly #probeFirstMs: number;
  readonly #probeLongestMs: number;
  readonly #releases = new Map<HoldScope, Release>();

  constructor(waits: { readonly probeFirstMs: number; readonly probeLongestMs: number }) {
    this.#probeFirstMs = waits.probeFirstMs;
    this.#probeLongestMs = waits.probeLongestMs;
  }

  /** Notes that a scope's hold has ended whose first look came after that wait; 0 where the probe has shown whose fault it was. */
  note(scope: HoldScope, firstLookAfterMs: number): void {
    this.#releases.set(scope, { atMs: Date.now(), firstLookAfterMs });
  }

  /** Zero for a scope's first hold, then longer each time it comes back soon: what the probe looked at was not the cause. */
  firstLookAfterMs(scope: HoldScope): number {
    const last = this.#releases.get(scope);
    if (!last || Date.now() - last.atMs > SAME_HOLD_MS) return 0;
    const shortestMs = scope === 'storage' ? this.#probeFirstMs : this.#probeFirstMs / 8;
    return Math.min(this.#probeLongestMs, Math.max(shortestMs, 2 * last.firstLookAfterMs));
  }
}
