import { v5 as uuidV5 } from 'uuid';
import type { Notice, NoticeBatch, NoticeEvent } from '../domain/batch/notice.js';

/** Namespace of all ids of notices. Never change it: what was told before would be told again. */
const NOTICE_NAMESPACE = '3e0b6c0e-52a4-4d3d-8a55-7c9c1f0f6b21';

/**
 * The notice of an event. Its id is made of what the event is and not of its words, so whoever tells of it, however
 * often, tells the same notice. `at`: ISO 8601.
 */
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
