import type { FailureKind } from '../src/domain/failure-kind.js';
import type { RowOutcome } from '../src/domain/outcome.js';
import type { ShardRow } from '../src/domain/row.js';

/**
 * The rows that ended otherwise than their prompts let them, each as a line for a person. `jobsFail`: jobs of any row may
 * have failed or been lost.
 */
export function unexpectedEnds(
  outcomes: readonly RowOutcome[],
  rows: ReadonlyMap<string, Pick<ShardRow, 'prompt'>>,
  jobsFail: boolean,
): readonly string[] {
  return outcomes.flatMap(({ rowId, end }) => {
    const prompt = rows.get(rowId)?.prompt ?? '';
    const told = end.kind === 'failed' ? `failed as ${end.failure}: ${end.message}` : end.kind;
    return isExpected(prompt, end, jobsFail) ? [] : [`${rowId} is ${told}`];
  });
}

function isExpected(prompt: string, end: RowOutcome['end'], jobsFail: boolean): boolean {
  switch (end.kind) {
    case 'stored':
      return !prompt.includes('[[refuse]]') && !prompt.includes('[[invalid]]');
    case 'failed':
      return isExpectedFailure(prompt, end.failure, jobsFail);
    case 'cancelled':
      return false;
  }
}

function isExpectedFailure(prompt: string, failure: FailureKind, jobsFail: boolean): boolean {
  switch (failure) {
    case 'refused':
      return prompt.includes('[[refuse]]');
    case 'invalid':
      return prompt.includes('[[invalid]]');
    case 'flaky':
      return jobsFail;
    case 'shard-lost':
    case 'timed-out':
    case 'result-gone':
    case 'service-error':
    case 'unknown-charge':
      return false;
  }
}
