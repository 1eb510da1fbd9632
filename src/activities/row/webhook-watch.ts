import { CompleteAsyncError, Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { fallbackPollDelayMs, awaitName, callbackRefOf } from '../../bananahub/webhooks/worker-webhooks.js';
import type { WorkerState } from '../worker/dependencies.js';
import type { AwaitGenerationInput } from '../../workflows/protocol/activities.js';

/** What polling knows of the webhook that may end its wait. */
export interface WebhookWatch {
  /** The wait before the next poll, where it would be `usualDelayMs` without a webhook. */
  pollDelayMs(wait: {
    readonly usualDelayMs: number;
    readonly ageMs: number;
    readonly polls: number;
  }): number;
  /** Waits, unless the whole is ended from outside meanwhile: then throws what ends the activity. */
  unlessEnded(pause: Promise<void>): Promise<void>;
  /** A poll has found the job ended. */
  noteFound(): void;
}

/**
 * Runs an await that a webhook may end from outside, in this process or another: it then stops without a further poll
 * and without telling Temporal what Temporal knows already.
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
    // Heartbeats tell that someone else has ended it: another process's receiver, or the workflow's own end.
    const isEndedElsewhere =
      error instanceof CancelledFailure && Context.current().cancellationDetails?.notFound === true;
    if (isEndedElsewhere || error instanceof CompleteAsyncError) webhooks?.trust.noteCame();
    throw isEndedElsewhere ? new CompleteAsyncError() : error;
  } finally {
    wait?.dispose();
  }
}

/** Settles as the pause does, or resolves as soon as the signal is aborted; leaves no listener behind. */
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
