import QuickLRU from 'quick-lru';
import type { JobId } from '../domain/rows/ids.js';

const REFS_KEPT = 20_000;
const KEPT_MS = 3_600_000;
/** Anyone who has one genuine path cannot cause more calls than that with it. */
const LOOKS_PER_REF = 4;

interface Seen {
  looks: number;
  /** Jobs that are being looked at, or need no look any more. */
  readonly jobs: Set<JobId>;
}

/** Recently accepted deliveries, so that duplicates are dropped cheaply. */
export class SeenDeliveries {
  readonly #seen = new QuickLRU<string, Seen>({ maxSize: REFS_KEPT, maxAge: KEPT_MS });

  /** Whether a delivery is worth a look: counts as one where it is. */
  admits(ref: string, jobId: JobId): boolean {
    const seen = this.#seen.get(ref) ?? { looks: 0, jobs: new Set() };
    if (seen.jobs.has(jobId) || seen.looks >= LOOKS_PER_REF) return false;
    seen.looks += 1;
    seen.jobs.add(jobId);
    this.#seen.set(ref, seen);
    return true;
  }

  /** The look has shown nothing yet: the same may be told again. */
  release(ref: string, jobId: JobId): void {
    this.#seen.get(ref)?.jobs.delete(jobId);
  }
}
