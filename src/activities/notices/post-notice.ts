import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { noticeRetryMs } from '../../domain/batch/notice.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import type { Activities } from '../../workflows/protocol/activities.js';

/** One attempt at delivering a notice; fails where it was not taken, and says when the next may come. */
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

/** A `Retry-After` only lengthens the wait: a receiver that asks for none must not be asked without end. */
function again(message: string, attempt: number, retryAfterMs = 0): ApplicationFailure {
  return ApplicationFailure.create({
    message,
    type: 'not-taken',
    nextRetryDelay: Math.max(retryAfterMs, noticeRetryMs(attempt)),
  });
}
