import type { FailureKind } from '../src/domain/failure-kind.js';
import type { RowOutcome } from '../src/domain/outcome.js';
import type { ShardRow } from '../src/domain/row.js';

/** What was done to a batch that rows may end for. */
export interface Allowances {
  /** Its shards were terminated so often. */
  readonly terminations: number;
  /** Jobs of any row may fail or be lost. */
  readonly jobsFail: boolean;
}

/** The rows that ended otherwise than their prompt and what was done to the batch allow: each as a line for a person. */
export function unexpectedEnds(
  outcomes: readonly RowOutcome[],
  rows: ReadonlyMap<string, Pick<ShardRow, 'prompt'>>,
  allowances: Allowances,
): readonly string[] {
  return outcomes.flatMap(({ rowId, end }) => {
    const prompt = rows.get(rowId)?.prompt ?? '';
    const told = end.kind === 'failed' ? `failed as ${end.failure}: ${end.message}` : end.kind;
    return isExpected(prompt, end, allowances) ? [] : [`${rowId} is ${told}`];
  });
}

function isExpected(prompt: string, end: RowOutcome['end'], allowances: Allowances): boolean {
  switch (end.kind) {
    case 'stored':
      return !prompt.includes('[[refuse]]') && !prompt.includes('[[invalid]]');
    case 'failed':
      return isExpectedFailure(prompt, end.failure, allowances);
    case 'cancelled':
      return false;
  }
}

function isExpectedFailure(prompt: string, failure: FailureKind, allowances: Allowances): boolean {
  switch (failure) {
    case 'refused':
      return prompt.includes('[[refuse]]');
    case 'invalid':
      return prompt.includes('[[invalid]]');
    case 'flaky':
      return allowances.jobsFail;
    case 'shard-lost':
      return allowances.terminations >= 2;
    case 'timed-out':
    case 'result-gone':
    case 'unknown-charge':
      return false;
  }
}
