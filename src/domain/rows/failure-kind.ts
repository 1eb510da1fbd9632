/** Why a row ended without an image. One table for workflows, files and commands. */
export const FAILURE_KINDS = [
  /** The service refused the request itself (422): fix the row. */
  'invalid',
  /** Moderation refused the content: never bought again automatically. */
  'refused',
  /** The job failed for a temporary reason as often as `--max-generations` allows. */
  'flaky',
  /** The job was still running when `--job-timeout` expired. */
  'timed-out',
  /** The job is done, but its image was not available within the limit. */
  'result-gone',
  /** The service kept failing for this row alone, while it served others. */
  'service-error',
  /** A create was unanswered beyond the idempotency horizon: a person decides. */
  'unknown-charge',
  /** The shard was ended from outside twice, or the bucket has lost its image. */
  'shard-lost',
] as const;

export type FailureKind = (typeof FAILURE_KINDS)[number];

/** Outcomes of rows without an image: the values of `retry --kind`. `cancelled` includes rows that have not ended. */
export const UNSTORED_KINDS = [...FAILURE_KINDS, 'cancelled'] as const;
export type UnstoredKind = (typeof UNSTORED_KINDS)[number];

/** Kinds that a retry cannot fix or could buy twice: retried only if they are named. */
const STANDING_KINDS: ReadonlySet<UnstoredKind> = new Set(['invalid', 'refused', 'unknown-charge']);

/** The kinds that are retried by default. */
export const KINDS_TRIED_AGAIN: ReadonlySet<UnstoredKind> = new Set(
  UNSTORED_KINDS.filter((kind) => !STANDING_KINDS.has(kind)),
);

/** What a failed job's text says about another attempt. Source: the API contract, "Job failures". */
export type JobFailureClass = 'flaky' | 'refused' | 'unknown';

const REFUSED = /safety|moderation|policy|blocked|prohibited/i;
const FLAKY = /upstream returned no image|internal error|timeout|overloaded|try again/i;

/** The class of a failed job by its error text; if both match it is a refusal, since stopping costs nothing. */
export function classifyJobFailure(text: string): JobFailureClass {
  if (REFUSED.test(text)) return 'refused';
  if (FLAKY.test(text)) return 'flaky';
  return 'unknown';
}

/** Maximum number of generations of a row whose last job failed in this way; unknown texts get two, refusals one. */
export function generationLimit(failure: JobFailureClass, maxGenerations: number): number {
  switch (failure) {
    case 'refused':
      return 1;
    case 'unknown':
      return Math.min(2, maxGenerations);
    case 'flaky':
      return maxGenerations;
  }
}
