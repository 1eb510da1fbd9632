import { sleep } from '@temporalio/workflow';
import type { AwaitGenerationResult, StoreImageResult } from '../../protocol/activities.js';
import type { BatchFaultDetails } from '../../../domain/batch/holds.js';
import {
  generationLimit,
  type FailureKind,
  type JobFailureClass,
} from '../../../domain/rows/failure-kind.js';
import type { JobId } from '../../../domain/rows/ids.js';
import { failureMessageOf, type FailureMessage } from '../../../domain/text/failure-message.js';
import type { GenerationRecord } from '../../../domain/rows/outcome.js';
import type { FaultStep } from '../../../domain/batch/row-faults.js';
import type { RowContext } from './row-context.js';

const SHORTEST_REGENERATION_DELAY_MS = 3_000;
const LONGEST_REGENERATION_DELAY_MS = 15_000;

/** A generation without an image, and why. */
type FailedGeneration = GenerationRecord & FailureMessage;

/** The next step of a row after its job has ended. */
export function jobEnded(
  context: RowContext,
  row: number,
  jobId: JobId,
  ended: Exclude<AwaitGenerationResult, { kind: 'done' | 'missing' }>,
): void {
  const { generation } = context.ledger.generationOf(row);
  switch (ended.kind) {
    case 'failed': {
      const record = {
        generation,
        jobId,
        end: 'failed',
        charged: 'unknown',
        ...failureMessageOf(ended),
      } as const;
      if (ended.failure === 'refused') fail(context, row, 'refused', record);
      else tryAgain(context, row, ended.failure, record);
      return;
    }
    case 'unfinished':
      fail(context, row, 'timed-out', {
        generation,
        jobId,
        end: 'unfinished',
        charged: 'unknown',
        message: ended.message,
      });
  }
}

/** The next step of a row after the copy of its image has ended. */
export function imageEnded(
  context: RowContext,
  row: number,
  jobId: JobId,
  result: Exclude<StoreImageResult, { kind: 'missing' }>,
): void {
  const { ledger } = context;
  const { generation } = ledger.generationOf(row);
  const done = { generation, jobId, end: 'done', charged: 'yes' } as const;
  switch (result.kind) {
    case 'stored':
      context.noteThrough(row, 'image');
      context.noteEnd('image');
      ledger.settle(row, result, done, Date.now());
      return;
    case 'result-gone':
      fail(context, row, 'result-gone', { ...done, ...failureMessageOf(result) });
      return;
    case 'superseded':
      ledger.settle(row, { kind: 'cancelled' }, done, Date.now());
  }
}

/** The record of a generation whose job the service no longer knows. */
export function goneRecord(generation: number, jobId: JobId): FailedGeneration {
  return {
    generation,
    jobId,
    end: 'gone',
    charged: 'unknown',
    message: 'The service no longer knows the job.',
  };
}

/** Another generation after a short wait, up to the row's maximum. */
export function tryAgain(
  context: RowContext,
  row: number,
  failure: Exclude<JobFailureClass, 'refused'>,
  record: FailedGeneration,
): void {
  const { ledger, input } = context;
  const made = ledger.generationOf(row).made + 1;
  if (made >= generationLimit(failure, input.settings.maxGenerations)) {
    fail(context, row, 'flaky', record);
    return;
  }
  context.noteEnd('failure', record);
  const { endDelay } = ledger.regenerate(row, record);
  if (context.isCancelling()) {
    ledger.cancelUnpaid(Date.now());
    return;
  }
  const spreadMs = LONGEST_REGENERATION_DELAY_MS - SHORTEST_REGENERATION_DELAY_MS;
  sleep(SHORTEST_REGENERATION_DELAY_MS + Math.random() * spreadMs).then(endDelay, endDelay);
}

/** Ends a row without an image. */
export function fail(
  context: RowContext,
  row: number,
  failure: FailureKind,
  record: FailedGeneration,
): undefined {
  context.noteEnd('failure', record);
  context.ledger.settle(row, { kind: 'failed', failure, ...failureMessageOf(record) }, record, Date.now());
}

/** Ends a row for which the service kept failing while it served others. Possible charges stay recorded. */
export function endByFault(
  context: RowContext,
  row: number,
  step: FaultStep,
  { cause, rowLimitMs = 0 }: BatchFaultDetails,
): void {
  const { ledger } = context;
  const minutes = `${Math.round(rowLimitMs / 6_000) / 10} min`;
  const code = [cause.code, ...(cause.status === undefined ? [] : [`status ${cause.status}`])].join(', ');
  const message = `BananaHub kept failing for this row for ${minutes} (${code}), while other rows succeeded.`;
  const text = failureMessageOf({ ...cause, message });
  const record = ledger.openRecord(row);
  const failure = step === 'image' ? 'result-gone' : 'service-error';
  context.noteEnd('failure', text);
  ledger.settle(row, { kind: 'failed', failure, ...text }, record && { ...record, ...text }, Date.now());
}
