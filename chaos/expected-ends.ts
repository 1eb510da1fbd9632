import type { FailureKind } from '../src/domain/rows/failure-kind.js';
import type { RowOutcome } from '../src/domain/rows/outcome.js';
import type { ShardRow } from '../src/domain/rows/row.js';
import { POISONS } from './chaos-sheet.js';

/**
 * The rows that ended in a way that their prompts do not explain, as a line each. `jobsFail`: jobs of any row may have
 * failed or been lost.
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
      return !['[[refuse]]', '[[invalid]]', ...POISONS].some((mark) => prompt.includes(mark));
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
    case 'service-error':
      return ['[[create-502]]', '[[bad-job-id]]', '[[poll-524]]'].some((mark) => prompt.includes(mark));
    case 'result-gone':
      return prompt.includes('[[image-500]]');
    case 'shard-lost':
    case 'timed-out':
    case 'unknown-charge':
      return false;
  }
}
