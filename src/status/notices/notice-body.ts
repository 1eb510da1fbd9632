import { v5 as uuidV5 } from 'uuid';
import type { FiringNotice, Notice, NoticeBatch, NoticeEvent } from '../../domain/batch/notice.js';
import { contactSheetOf, noticeText } from './notice-text.js';

/**
 * A notice as receivers get it: one JSON document, the same at every attempt; docs/notifications.md lists the fields,
 * and receivers rely on them. The field is `event`, not `type`, because Mattermost takes `type` as that of its post
 * and refuses it.
 */
export function noticeBody(notice: Notice): string {
  const { type, id, at } = notice;
  return JSON.stringify({ event: type, id, timestamp: at, text: noticeText(notice), data: dataOf(notice) });
}

/** Named as in `status --json`; every field is present, `null` if unknown. */
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

/** Namespace of all notice ids. Never change it: earlier notices would be sent again. */
const NOTICE_NAMESPACE = '3e0b6c0e-52a4-4d3d-8a55-7c9c1f0f6b21';

/** The notice of an event. Its id derives from the event and not from its text, so that every sender and repeat produces the same notice. `at`: ISO 8601. */
export function noticeOf(event: NoticeEvent, at: string): Notice {
  return {
    ...event,
    id: uuidV5(JSON.stringify([event.type, ...identityOf(event, at)]), NOTICE_NAMESPACE),
    at,
  };
}

function identityOf(event: NoticeEvent, at: string): readonly (string | number)[] {
  switch (event.type) {
    case 'batch.ended':
      return [...runOf(event.batch), event.end];
    case 'batch.held':
      return [...runOf(event.batch), event.hold.scope, event.hold.since];
    case 'batch.paused':
      return [...runOf(event.batch), event.pause.kind, event.pause.since];
    case 'batch.stuck':
      return [...runOf(event.batch), event.since];
    case 'schedule.firing-skipped':
      return [event.address, event.schedule, event.firingAt];
    case 'schedule.firing-failed':
      return [event.address, event.schedule, event.firingAt, event.runId];
    case 'test':
      return [at];
  }
}

function runOf({ address, batchId, runSeq, startedAt }: NoticeBatch): readonly (string | number)[] {
  return [address, batchId, runSeq, startedAt];
}
