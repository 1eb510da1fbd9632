import type { FiringNotice, Notice, NoticeBatch, NoticeEvent } from '../../domain/batch/notice.js';
import { contactSheetOf, noticeText } from './notice-text.js';

/**
 * A notice as receivers get it: one JSON document, the same at every attempt; docs/notifications.md names each field, and
 * receivers rely on them. Not `type` but `event`: Mattermost takes a `type` for that of its post, and refuses it.
 */
export function noticeBody(notice: Notice): string {
  const { type, id, at } = notice;
  return JSON.stringify({ event: type, id, timestamp: at, text: noticeText(notice), data: dataOf(notice) });
}

/** Named as `status --json` names them; every field is there, `null` where nothing is known. */
function dataOf(event: NoticeEvent): Readonly<Record<string, unknown>> {
  switch (event.type) {
    case 'batch.ended': {
      const { batch, end, tally, cost } = event;
      return {
        ...batchData(batch),
        state: end,
        ...tally,
        cost: cost ?? null,
        contactSheet: contactSheetOf(event) ?? null,
      };
    }
    case 'batch.held': {
      const { scope, code, message, since } = event.hold;
      return { ...batchData(event.batch), scope, code, message, since };
    }
    case 'batch.paused': {
      const { kind, message, since, until } = event.pause;
      return { ...batchData(event.batch), kind, message, since, until: until ?? null };
    }
    case 'batch.stuck':
      return { ...batchData(event.batch), message: event.message, since: event.since };
    case 'schedule.firing-skipped':
    case 'schedule.firing-failed':
      return firingData(event);
    case 'test':
      return {};
  }
}

function batchData({ batchId, runSeq, startedAt, address }: NoticeBatch): Readonly<Record<string, unknown>> {
  return { batchId, runSeq, startedAt, location: address };
}

function firingData({
  schedule,
  address,
  firingAt,
  reason,
  batchId,
}: FiringNotice): Readonly<Record<string, unknown>> {
  return { schedule, location: address, firingAt, reason, batchId: batchId ?? null };
}
