import type { GenerationRecord, RowOutcome } from './outcome.js';
import type { PromptRow, RowStart } from './row.js';

/** What a run does with a row, compared with how the batch's earlier runs left it. */
export type RowPlan =
  /** Nothing: it has an outcome that stands. */
  | { readonly kind: 'carry'; readonly outcome: RowOutcome }
  | { readonly kind: 'run'; readonly change: 'new' | 'changed' | 'again'; readonly start: RowStart };

const FIRST: RowStart = { generation: 1 };

/**
 * Plans one row. Stored rows stand while their content is unchanged; so do refused and invalid ones, which a repeat
 * cannot mend. All others run again from the generation they had come to: it advances only past a job that was seen
 * failed or gone.
 */
export function planRow(row: PromptRow, previous: RowOutcome | undefined): RowPlan {
  if (!previous) return { kind: 'run', change: 'new', start: FIRST };
  if (previous.contentHash !== row.contentHash) return { kind: 'run', change: 'changed', start: FIRST };
  const { end } = previous;
  const stands =
    end.kind === 'stored' ||
    (end.kind === 'failed' && ['refused', 'invalid', 'unknown-charge'].includes(end.failure));
  if (stands) return { kind: 'carry', outcome: previous };
  return { kind: 'run', change: 'again', start: startAfterAll(previous) };
}

/** All generations of a row's content: those of earlier runs, where later news of the same one replaces the older. */
export function generationsTogether(
  earlier: readonly GenerationRecord[],
  made: readonly GenerationRecord[],
): readonly GenerationRecord[] {
  const [first] = made;
  return first ? [...earlier.filter(({ generation }) => generation < first.generation), ...made] : earlier;
}

function startAfterAll({ generations, settledAt }: RowOutcome): RowStart {
  const start = startAfter(generations.at(-1), Date.parse(settledAt));
  return generations.length > 0 ? { ...start, earlier: generations } : start;
}

function startAfter(last: GenerationRecord | undefined, settledAtMs: number): RowStart {
  if (!last) return FIRST;
  switch (last.end) {
    case 'failed':
    case 'gone':
      return { generation: last.generation + 1 };
    case 'done':
    case 'unfinished':
    case 'open':
      return { generation: last.generation, ...(last.jobId && { jobId: last.jobId }) };
    case 'invalid':
      return { generation: last.generation };
    case 'unanswered':
      // Its age goes on counting: a key that the service has forgotten must not be sent again.
      return { generation: last.generation, unansweredSinceMs: last.unansweredSinceMs ?? settledAtMs };
  }
}
