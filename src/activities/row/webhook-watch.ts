import { CompleteAsyncError, Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { fallbackPollDelayMs, awaitName, callbackRefOf } from '../../bananahub/webhooks/worker-webhooks.js';
import type { WorkerState } from '../worker/dependencies.js';
import type { AwaitGenerationInput } from '../../workflows/protocol/activities.js';

/** The poll loop's view of the webhook that may end its wait. */
export interface WebhookWatch {
  /** The wait before the next poll, which would be `usualDelayMs` without a webhook. */
  pollDelayMs(wait: {
    readonly usualDelayMs: number;
    readonly ageMs: number;
    readonly polls: number;
  }): number;
  /** Waits, unless the activity is ended from outside meanwhile: then throws the reason. */
  unlessEnded(pause: Promise<void>): Promise<void>;
  /** Records that a poll found the job ended. */
  noteFound(): void;
}

/**
 * Runs an await that a webhook may end from outside, in this process or another: it then stops without another poll
 * and without reporting to Temporal, which already knows.
 */
export async function watchingWebhook<T>(
  state: Pick<WorkerState, 'webhooks'>,
  input: AwaitGenerationInput,
  work: (watch: WebhookWatch) => Promise<T>,
): Promise<T> {
  const { webhooks } = state;
  const wait = webhooks?.awaited.enter(awaitName(callbackRefOf(input)));
  const isExpected = (): boolean =>
    input.webhookExpected === true && webhooks?.trust.isGiven(performance.now()) !== false;
  try {
    return await work({
      pollDelayMs: ({ usualDelayMs, ageMs, polls }) => {
        if (input.lookAtOnce && polls === 0) return 0;
        return isExpected() ? fallbackPollDelayMs({ usualDelayMs, ageMs, polls }) : usualDelayMs;
      },
      unlessEnded: async (pause) => {
        await (wait ? untilAborted(pause, wait.ended) : pause);
        if (wait?.ended.aborted) throw new CompleteAsyncError();
      },
      noteFound: () => {
        if (isExpected() && !input.lookAtOnce) webhooks?.trust.noteMissed(performance.now());
      },
    });
  } catch (error) {
    // Heartbeats show that the activity was ended by another process's receiver or by the end of the workflow.
    const isEndedElsewhere =
      error instanceof CancelledFailure && Context.current().cancellationDetails?.notFound === true;
    if (isEndedElsewhere || error instanceof CompleteAsyncError) webhooks?.trust.noteCame();
    throw isEndedElsewhere ? new CompleteAsyncError() : error;
  } finally {
    wait?.dispose();
  }
}

/** Settles as the pause does, or resolves as soon as the signal is aborted; removes its listener. */
async function untilAborted(pause: Promise<void>, signal: AbortSignal): Promise<void> {
  const listening = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true, signal: listening.signal });
  });
  try {
    await Promise.race([pause, aborted]);
  } finally {
    listening.abort();
  }
}
