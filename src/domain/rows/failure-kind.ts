/** Why a row ended without an image. One table for workflows, files and commands. */
export const FAILURE_KINDS = [
  /** The service refused the request itself (422): the row must be fixed. */
  'invalid',
  /** The content was refused by moderation: never bought again by itself. */
  'refused',
  /** The job failed for a passing reason as often as `--max-generations` allows. */
  'flaky',
  /** The job had not ended when `--job-timeout` ran out. */
  'timed-out',
  /** The job is done, and its image could not be had within the bound. */
  'result-gone',
  /** The service kept failing for this row alone, while it served others. */
  'service-error',
  /** A create stayed unanswered past the idempotency horizon: a person decides. */
  'unknown-charge',
  /** The shard was ended from outside twice, or the bucket has lost its image. */
  'shard-lost',
] as const;

export type FailureKind = (typeof FAILURE_KINDS)[number];

/** What a row without an image came to: the words of `retry --kind`. `cancelled` is also one that has not ended at all. */
export const UNSTORED_KINDS = [...FAILURE_KINDS, 'cancelled'] as const;
export type UnstoredKind = (typeof UNSTORED_KINDS)[number];

/** What trying again cannot fix, or could buy twice: such rows are tried again only where they are named. */
const STANDING_KINDS: ReadonlySet<UnstoredKind> = new Set(['invalid', 'refused', 'unknown-charge']);

/** What is tried again unless something else is named. */
export const KINDS_TRIED_AGAIN: ReadonlySet<UnstoredKind> = new Set(
  UNSTORED_KINDS.filter((kind) => !STANDING_KINDS.has(kind)),
);

/** What a failed job's text says about trying again. Source: the API contract, "Job failures". */
export type JobFailureClass = 'flaky' | 'refused' | 'unknown';

const REFUSED = /safety|moderation|policy|blocked|prohibited/i;
const FLAKY = /upstream returned no image|internal error|timeout|overloaded|try again/i;

/** The class of a failed job by its error text; a refusal wins where both match, since it costs nothing to stop. */
export function classifyJobFailure(text: string): JobFailureClass {
  if (REFUSED.test(text)) return 'refused';
  if (FLAKY.test(text)) return 'flaky';
  return 'unknown';
}

/** Most generations a row may use whose last job failed in this way; unknown texts get two, refusals one. */
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
