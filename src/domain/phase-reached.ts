import type { GenerationRecord, RowOutcome } from './outcome.js';

/**
 * How far a row that has ended had come, by the step of its last generation: `pending` nothing was ever sent for it,
 * `create` a request was sent and no job is known, `await` its job was awaited and not seen done, `store` its job was
 * done and its image not stored, `stored` its image is in the bucket.
 */
export const PHASES_REACHED = ['pending', 'create', 'await', 'store', 'stored'] as const;
export type PhaseReached = (typeof PHASES_REACHED)[number];

/** The phase that a row reached, by what its outcome says: also of outcomes that were written without one. */
export function phaseReached({ end, generations }: Pick<RowOutcome, 'end' | 'generations'>): PhaseReached {
  if (end.kind === 'stored') return 'stored';
  const last = generations.at(-1);
  return last ? phaseOfGeneration(last) : 'pending';
}

function phaseOfGeneration({ end, charged }: GenerationRecord): PhaseReached {
  switch (end) {
    case 'invalid':
    case 'unanswered':
      return 'create';
    case 'failed':
    case 'unfinished':
    case 'open':
      return 'await';
    case 'gone':
      // Only a job that was seen done is known to be charged.
      return charged === 'yes' ? 'store' : 'await';
    case 'done':
      return 'store';
  }
}
