import { Context } from '@temporalio/activity';
import type { Job } from '../bananahub/client.js';
import { classifyJobFailure } from '../domain/failure-kind.js';
import { FRESH_BUDGET } from '../domain/fault-budget.js';
import { nextPollDelayMs } from '../domain/poll-schedule.js';
import type { ShardRow } from '../domain/row.js';
import { pause, startTemporalClock, withHeartbeat } from './activity-context.js';
import type { WorkerState } from './dependencies.js';
import { batchFault, bearOrHold, meaningOf } from './failure.js';
import { JobLooks } from './job-looks.js';
import { withoutPrompt } from './service-message.js';
import { bearingStorage } from './storage-fault.js';
import type { Activities, AwaitGenerationInput, AwaitGenerationResult } from './types.js';

const LOOKS_BEFORE_GONE = 3;

/** Polls a job until it ends. Outages only make it wait, or end it by the batch's fault, after which the workflow asks again. */
export function awaitGenerationActivity(state: WorkerState): Activities['awaitGeneration'] {
  return (input) =>
    withHeartbeat(async () => {
      const clock = startTemporalClock();
      const row = await bearingStorage(state, async () => {
        await state.runAccounts.check(input.run);
        return state.shardRows.row(input);
      });
      return pollUntilEnded(state, input, row, clock);
    });
}

async function pollUntilEnded(
  state: WorkerState,
  input: AwaitGenerationInput,
  row: ShardRow,
  clock: () => number,
): Promise<AwaitGenerationResult> {
  const { scheduledTimestampMs } = Context.current().info;
  const oddStatuses = new Set<string>();
  let budget = FRESH_BUDGET;
  let polls = 0;
  let faultDelayMs: number | undefined;
  const looks = new JobLooks(state, input.jobId, LOOKS_BEFORE_GONE);
  for (;;) {
    const usualMs = state.jobTimes.usualMs(row);
    const ageMs = clock() - scheduledTimestampMs;
    await pause(faultDelayMs ?? nextPollDelayMs({ ageMs, polls, usualMs, random: Math.random() }));
    faultDelayMs = undefined;
    polls += 1;
    const polledAtMs = clock();
    try {
      const job = await looks.look();
      budget = FRESH_BUDGET;
      if (job.kind === 'gone') return job;
      if (job.kind === 'missing') continue;
      const ended = endOf(job, row, state);
      if (ended) return ended;
      noteOddStatus(job, oddStatuses, input, state);
      if (input.jobTimeoutMs !== undefined && polledAtMs - scheduledTimestampMs > input.jobTimeoutMs) {
        return { kind: 'unfinished', message: `The job has not ended in ${input.jobTimeoutMs / 1000} s.` };
      }
    } catch (error) {
      const meaning = meaningOf(error);
      switch (meaning?.kind) {
        case 'hold':
          throw batchFault({ cause: meaning.cause });
        case 'passing': {
          const tryMs = clock() - polledAtMs;
          const next = bearOrHold(meaning, { budget, tryMs, limits: state.limits });
          budget = next.budget;
          faultDelayMs = next.delayMs;
          break;
        }
        case 'gone':
        case 'invalid':
        case undefined:
          throw error;
      }
    }
  }
}

function endOf(job: Job, row: ShardRow, state: WorkerState): AwaitGenerationResult | undefined {
  switch (job.kind) {
    case 'done':
      if (job.tookMs !== undefined) state.jobTimes.note(row, job.tookMs);
      return { kind: 'done' };
    case 'failed': {
      const message = withoutPrompt(job.message, row.prompt);
      return { kind: 'failed', failure: classifyJobFailure(job.message), message };
    }
    case 'unfinished':
      return undefined;
  }
}

const LIVING = new Set(['queued', 'processing', 'done']);

function noteOddStatus(job: Job, seen: Set<string>, input: AwaitGenerationInput, state: WorkerState): void {
  if (job.kind !== 'unfinished' || LIVING.has(job.status) || seen.has(job.status)) return;
  seen.add(job.status);
  state.log.warn(
    { batchId: input.run.batchId, jobId: input.jobId, status: job.status },
    'A job has a status that the API does not document; it counts as not finished.',
  );
}
