import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { Job } from '../../bananahub/client.js';
import type { JobFailureClass } from '../../domain/rows/failure-kind.js';
import { LOOKS_BEFORE_ASIDE } from '../../domain/rows/missing-job.js';
import { FRESH_BUDGET } from '../../domain/batch/fault-budget.js';
import {
  answeredLateMs,
  nextPollDelayMs,
  stillEarlyMs,
  type PollWait,
} from '../../domain/time/poll-schedule.js';
import { RequestedWait } from './requested-wait.js';
import { pause, startTemporalClock, withHeartbeat } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { retryOrHold } from '../retry-or-hold.js';
import { batchFault, meaningOf } from '../hold-causes.js';
import { JobChecks, LeftMissing, missingOf } from './job-checks.js';
import type { PolledJob, SeenEnd } from '../worker/job-times.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type {
  Activities,
  AwaitGenerationInput,
  AwaitGenerationResult,
} from '../../workflows/protocol/activities.js';
import { storeAtOnce } from './store-at-once.js';
import { watchingWebhook, type WebhookWatch } from './webhook-watch.js';

/** State that an attempt leaves for the next. */
const Progress = z.object({ unfinishedMs: z.number(), missing: LeftMissing.exactOptional() });

/**
 * Polls a job until it ends, and stores its image where that is quick. Outages only delay it, or end it with the
 * batch's fault, after which the workflow calls again. `jobTimeoutMs` is measured only between answers of the service,
 * so a paid job is never given up because of an outage, a refused key, a machine that slept or a wrong clock.
 */
export function awaitGenerationActivity(state: WorkerState): Activities['awaitGeneration'] {
  return (input) => {
    const clock = startTemporalClock();
    const before = Progress.safeParse(Context.current().info.heartbeatDetails).data ?? input;
    const unfinished = new UnfinishedTime(before.unfinishedMs ?? 0, clock());
    const asked = new RequestedWait(clock);
    const looks = new JobChecks(state, input.jobId, clock, before.missing);
    const progress = () => ({
      unfinishedMs: unfinished.seenMs,
      ...missingOf(looks),
      ...asked.details,
    });
    const leave = (): void => Context.current().heartbeat(progress());
    return withHeartbeat(async () => {
      const row = await withStorageRetries(state, async () => {
        await state.runAccounts.check(input.run, [input.jobId]);
        return state.shardRows.row(input);
      });
      const polled = state.jobTimes.enter(row, { isAgeKnown: isAgeKnown(input) });
      try {
        const ended = await watchingWebhook(state, input, (webhook) =>
          pollUntilEnded(state, input, { clock, unfinished, looks, asked, leave, webhook, polled }),
        );
        if (ended.kind !== 'done') return ended;
        const stored = await storeAtOnce(state, input, row);
        return { kind: 'done', ...(stored && { stored }) };
      } finally {
        polled.leave();
      }
    }, progress);
  };
}

/** Whether the job was made just before this was scheduled: not in an earlier run, and not awaited before a hold. */
function isAgeKnown({ answeredAtMs, unfinishedMs = 0, lookAtOnce }: AwaitGenerationInput): boolean {
  return answeredAtMs !== undefined && unfinishedMs === 0 && lookAtOnce !== true;
}

/** A single 404 may come from a lagging replica: the next poll comes no sooner. */
const MISSING_DELAY_MS = 2_000;

async function pollUntilEnded(
  state: WorkerState,
  input: AwaitGenerationInput,
  {
    clock,
    unfinished,
    looks,
    asked,
    leave,
    webhook,
    polled,
  }: {
    readonly clock: () => number;
    readonly unfinished: UnfinishedTime;
    readonly looks: JobChecks;
    readonly asked: RequestedWait;
    /** Saves the present state for the next attempt. */
    readonly leave: () => void;
    readonly webhook: WebhookWatch;
    readonly polled: PolledJob;
  },
): Promise<AwaitGenerationResult> {
  const { scheduledTimestampMs } = Context.current().info;
  const { jobTimeoutMs = Infinity } = input;
  const oddStatuses = new Set<string>();
  let budget = FRESH_BUDGET;
  let { isDoubted = false }: { readonly isDoubted?: boolean } = input;
  let polls = 0;
  let faultDelayMs: number | undefined;
  let unfinishedAgeMs = 0;
  let leastDelayMs = 0;
  const { answeredAtMs } = input;
  const sinceAnswerMs = answeredAtMs === undefined ? undefined : Date.now() - answeredAtMs;
  const lateMs = answeredLateMs(sinceAnswerMs, clock() - scheduledTimestampMs);
  const ageMs = (): number => clock() - scheduledTimestampMs + lateMs;
  for (;;) {
    const random = Math.random();
    const wait = (): PollWait => {
      return { ageMs: ageMs(), polls, unfinishedMs: unfinishedAgeMs, plan: polled.plan(), random };
    };
    const usualDelayMs = Math.max(leastDelayMs, nextPollDelayMs(wait()));
    const delayMs = faultDelayMs ?? webhook.pollDelayMs({ usualDelayMs, ageMs: ageMs(), polls });
    await webhook.unlessEnded(pause(delayMs));
    const isDue = faultDelayMs !== undefined || (polls === 0 && input.lookAtOnce);
    const earlyMs = isDue ? 0 : stillEarlyMs(wait());
    if (earlyMs > 0) await webhook.unlessEnded(pause(earlyMs));
    await webhook.unlessEnded(asked.over());
    await webhook.unlessEnded(looks.turn());
    faultDelayMs = undefined;
    leastDelayMs = 0;
    polls += 1;
    const polledAtMs = clock();
    try {
      const job = await looks.look();
      budget = FRESH_BUDGET;
      isDoubted = false;
      if (job.kind === 'missing') {
        unfinished.noteUnanswered();
        if (job.missing.looks >= LOOKS_BEFORE_ASIDE) return { ...job, unfinishedMs: unfinished.seenMs };
        leastDelayMs = MISSING_DELAY_MS;
        continue;
      }
      const seen = { unfinishedMs: unfinishedAgeMs, endedMs: ageMs(), polls };
      const ended = await endOf(job, { state, input, polled }, seen);
      if (ended) {
        webhook.noteFound();
        return ended;
      }
      noteOddStatus(job, oddStatuses, input, state);
      unfinishedAgeMs = ageMs();
      polled.noteUnfinished(unfinishedAgeMs);
      unfinished.noteUnfinished(delayMs + earlyMs, clock());
      if (unfinished.seenMs >= jobTimeoutMs) return unfinishedFor(jobTimeoutMs);
    } catch (error) {
      unfinished.noteUnanswered();
      const { seenMs: unfinishedMs } = unfinished;
      const meaning = meaningOf(error);
      switch (meaning?.kind) {
        case 'hold':
          throw batchFault({ cause: meaning.cause, unfinishedMs, ...missingOf(looks) }, meaning.text);
        case 'passing': {
          const tryMs = clock() - polledAtMs;
          const next = retryOrHold(meaning, {
            budget,
            tryMs,
            limits: state.limits,
            unfinishedMs,
            rowLimitMs: state.limits.jobFaultMs,
            isDoubted,
            ...missingOf(looks),
          });
          budget = next.budget;
          faultDelayMs = next.delayMs;
          asked.note(meaning.cause.retryAfterMs);
          leave();
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

function unfinishedFor(jobTimeoutMs: number): AwaitGenerationResult {
  const message = `The job did not finish within ${jobTimeoutMs / 1000} s (--job-timeout). It may be charged: the next run of the batch waits for the same job.`;
  return { kind: 'unfinished', message };
}

const JOB_FAILED: Readonly<Record<JobFailureClass, string>> = {
  flaky: 'The job failed for a temporary reason.',
  refused: 'The content was refused.',
  unknown: 'The job failed.',
};

async function endOf(
  job: Job,
  {
    state,
    input,
    polled,
  }: { readonly state: WorkerState; readonly input: AwaitGenerationInput; readonly polled: PolledJob },
  seen: Omit<SeenEnd, 'endedAgoMs'>,
): Promise<AwaitGenerationResult | undefined> {
  state.successes.note('job');
  switch (job.kind) {
    case 'done':
      polled.noteEnd({ endedAgoMs: job.endedAgoMs, ...seen });
      state.imageUrls.keep(input.jobId, job.imageUrl);
      return { kind: 'done' };
    case 'failed': {
      const { failure, message } = job;
      const kept = await state.serviceTexts.keep(input.run, message);
      return { kind: 'failed', failure, message: JOB_FAILED[failure], ...kept };
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
    'A job has an undocumented status; it counts as not finished.',
  );
}

/** A request's own time limit: no poll takes longer. */
const LONGEST_LOOK_MS = 30_000;

/**
 * How long a job has been seen unfinished in answers of the service. Time without answers, or without polls because
 * the machine slept or no worker ran, does not count: the job may have ended unseen.
 */
export class UnfinishedTime {
  #seenMs: number;
  #sinceMs: number | undefined;

  /** `seenMs`: time seen by earlier attempts. */
  constructor(seenMs: number, nowMs: number) {
    this.#seenMs = seenMs;
    this.#sinceMs = nowMs;
  }

  get seenMs(): number {
    return this.#seenMs;
  }

  /**
   * A poll after a wait of `waitedMs` showed the job unfinished. More elapsed time than that wait and one poll means
   * that the machine slept or its clock was set.
   */
  noteUnfinished(waitedMs: number, nowMs: number): void {
    if (this.#sinceMs !== undefined) {
      this.#seenMs += Math.max(0, Math.min(nowMs - this.#sinceMs, waitedMs + LONGEST_LOOK_MS));
    }
    this.#sinceMs = nowMs;
  }

  /** A poll was not answered, or not with the job. */
  noteUnanswered(): void {
    this.#sinceMs = undefined;
  }
}
