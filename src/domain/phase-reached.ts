import type { GenerationRecord, PhaseReached, RowOutcome } from './rows/outcome.js';

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
