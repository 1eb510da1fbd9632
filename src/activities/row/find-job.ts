import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { FRESH_BUDGET } from '../../domain/batch/fault-budget.js';
import { isBelievable, missingDelayMs, type MissingJob } from '../../domain/rows/missing-job.js';
import { cancellationSignal, pause, startTemporalClock, withHeartbeat } from '../worker/activity-context.js';
import { RequestedWait } from './requested-wait.js';
import type { WorkerState } from '../worker/dependencies.js';
import { retryOrHold } from '../retry-or-hold.js';
import { batchFault, meaningOf } from '../hold-causes.js';
import { JobChecks, LeftMissing, missingOf } from './job-checks.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities, FindJobInput, FindJobResult } from '../../workflows/protocol/activities.js';

/** State that an attempt leaves for the next. */
const Progress = z.object({ missing: LeftMissing });

interface Search {
  readonly looks: JobChecks;
  readonly wait: RequestedWait;
  readonly isBelievable: () => boolean;
}

/**
 * Searches for a missing job until it is found or believed to be gone. The latter needs enough 404s over enough time,
 * and a job made no earlier that gets a 200 between the last two of them. If cancelled, returns its counts.
 */
export function findJobActivity(state: WorkerState): Activities['findJob'] {
  return async (input) => {
    const clock = startTemporalClock();
    const { missing } = Progress.safeParse(Context.current().info.heartbeatDetails).data ?? input;
    const looks = new JobChecks(state, input.jobId, clock, missing);
    const counted = (): MissingJob => looks.missing ?? missing;
    const search: Search = {
      looks,
      wait: new RequestedWait(clock),
      isBelievable: () => isBelievable(counted(), clock(), state.limits),
    };
    try {
      return await withHeartbeat(
        async () => {
          await withStorageRetries(state, () => state.runAccounts.check(input.run));
          return findUntil(state, input, search);
        },
        () => ({ missing: counted(), ...search.wait.details }),
      );
    } catch (error) {
      // A worker that shuts down leaves the search to another one.
      if (Context.current().cancellationDetails?.cancelRequested !== true) throw error;
      return { kind: 'missing', missing: counted(), isBelievable: search.isBelievable() };
    }
  };
}

async function findUntil(state: WorkerState, input: FindJobInput, search: Search): Promise<FindJobResult> {
  const { looks, wait } = search;
  const { limits } = state;
  let budget = FRESH_BUDGET;
  let hasWitness = false;
  for (let tries = 0; ; tries++) {
    await wait.over();
    await looks.turn();
    const lookedAtMs = performance.now();
    let delayMs: number;
    try {
      const isDue = search.isBelievable();
      if (tries === 0 || isDue) hasWitness = await looks.anyAnswers(input.witnesses);
      const job = await looks.look();
      budget = FRESH_BUDGET;
      if (job.kind !== 'missing') return { kind: 'found' };
      if (input.isAccepted || (isDue && hasWitness)) return { kind: 'gone' };
      if (!hasWitness && givesUp(input, search)) {
        return { ...job, isBelievable: search.isBelievable() };
      }
      delayMs = missingDelayMs(job.missing.looks, limits, Math.random());
    } catch (error) {
      if (cancellationSignal().aborted) throw error;
      const meaning = meaningOf(error);
      if (meaning?.kind === 'hold') {
        throw batchFault({ cause: meaning.cause, ...missingOf(looks) }, meaning.text);
      }
      if (meaning?.kind !== 'passing') throw error;
      const tryMs = performance.now() - lookedAtMs;
      const rowLimitMs = limits.jobFaultMs;
      const next = retryOrHold(meaning, { budget, tryMs, limits, rowLimitMs, ...missingOf(looks) });
      ({ budget, delayMs } = next);
      wait.note(meaning.cause.retryAfterMs);
    }
    await pause(delayMs);
  }
}

function givesUp({ until }: FindJobInput, { isBelievable: isDue }: Search): boolean {
  switch (until) {
    case 'checked':
      return true;
    case 'believable':
      return isDue();
    case 'found':
      return false;
  }
}
