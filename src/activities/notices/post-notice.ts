import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { noticeRetryMs } from '../../domain/batch/notice.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import type { Activities } from '../../workflows/protocol/activities.js';

/** One attempt to deliver a notice; fails if it was not accepted, with the time of the next attempt. */
export function postNoticeActivity({
  notices,
  log,
}: Pick<WorkerState, 'notices' | 'log'>): Activities['postNotice'] {
  return async (notice) => {
    const { attempt } = Context.current().info;
    const about = { notice: notice.id, event: notice.type, attempt };
    if (!notices) {
      throw again(
        'This worker has no BANANA_NOTIFY_URL: set it, and BANANA_NOTIFY_SECRET, on all workers.',
        attempt,
      );
    }
    const sent = await notices.send(notice, cancellationSignal());
    switch (sent.kind) {
      case 'taken':
        log.info(about, 'A notice was delivered.');
        return;
      case 'refused':
        log.warn({ ...about, reason: sent.message }, 'A notice cannot be delivered, and is not retried.');
        throw ApplicationFailure.nonRetryable(sent.message, 'not-deliverable');
      case 'again':
        log.info({ ...about, reason: sent.message }, 'A notice was not accepted; it is retried.');
        throw again(sent.message, attempt, sent.retryAfterMs);
    }
  };
}

/** `Retry-After` can only lengthen the wait: a receiver that asks for none must not be called in a tight loop. */
function again(message: string, attempt: number, retryAfterMs = 0): ApplicationFailure {
  return ApplicationFailure.create({
    message,
    type: 'not-taken',
    nextRetryDelay: Math.max(retryAfterMs, noticeRetryMs(attempt)),
  });
}
