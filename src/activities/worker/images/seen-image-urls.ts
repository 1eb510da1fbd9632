import { type BananaHubClient, withMethods } from '../../../bananahub/client.js';
import { BananaHubError } from '../../../bananahub/errors.js';
import type { JobId } from '../../../domain/rows/ids.js';

const KEPT_MS = 60_000;
const MOST_KEPT = 1_000;
/** By which share the end of one entry moves the share of unused ones. */
const UNUSED_STEP = 1 / 64;

interface SeenUrl {
  readonly imageUrl: string;
  readonly seenAtMs: number;
}

/**
 * The image URLs of jobs that a poll of this worker has just seen done, so that a copy in the same process need not ask
 * for them again. URLs are secrets: they are only in memory, at most 1,000, each for 60 s and for one copy.
 */
export class SeenImageUrls {
  /** Oldest first. */
  readonly #seen = new Map<JobId, SeenUrl>();
  readonly #clock: () => number;
  #unusedShare = 0;

  /** `clock`: in milliseconds; also runs while the machine sleeps. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** Share of URLs of late that no copy here has used: other workers copied those images, with a GET of their own. */
  get unusedShare(): number {
    return this.#unusedShare;
  }

  /** A poll has seen the job done. */
  keep(jobId: JobId, imageUrl: string): void {
    this.#seen.delete(jobId);
    this.#seen.set(jobId, { imageUrl, seenAtMs: this.#clock() });
    for (const [oldest, seen] of this.#seen) {
      if (this.#seen.size <= MOST_KEPT && this.#isFresh(seen)) return;
      this.#seen.delete(oldest);
      this.#noteUse(false);
    }
  }

  /** The URL for one copy; undefined: request one. */
  take(jobId: JobId): string | undefined {
    const seen = this.#seen.get(jobId);
    if (!seen || !this.#isFresh(seen)) return undefined;
    this.#seen.delete(jobId);
    this.#noteUse(true);
    return seen.imageUrl;
  }

  /** A later request was answered with this URL, or without any: an earlier URL is not used any more. */
  replace(jobId: JobId, imageUrl: string | undefined): void {
    if (!this.#seen.delete(jobId) || imageUrl === undefined) return;
    this.#seen.set(jobId, { imageUrl, seenAtMs: this.#clock() });
  }

  #isFresh({ seenAtMs }: SeenUrl): boolean {
    const ageMs = this.#clock() - seenAtMs;
    return ageMs >= 0 && ageMs <= KEPT_MS;
  }

  #noteUse(isUsed: boolean): void {
    this.#unusedShare += ((isUsed ? 0 : 1) - this.#unusedShare) * UNUSED_STEP;
  }
}

/** The API, each of whose answers about a job replaces the job's kept URL. */
export function replacingUrls(api: BananaHubClient, imageUrls: SeenImageUrls): BananaHubClient {
  return withMethods(api, {
    getJob: async (jobId, signal) => {
      try {
        const job = await api.getJob(jobId, signal);
        imageUrls.replace(jobId, job.kind === 'done' ? job.imageUrl : undefined);
        return job;
      } catch (error) {
        if (error instanceof BananaHubError && error.code === 'job-not-found')
          imageUrls.replace(jobId, undefined);
        throw error;
      }
    },
  });
}
