import type { Pause } from './pause.js';
import type { Hold } from './holds.js';
import type { BatchId } from '../rows/ids.js';
import type { ScheduleName } from './schedule-name.js';
import type { Tally } from './tally.js';

/** A notice of something that may need a person. Counts and names only: no prompt, no row id, no secret. */
export type Notice = NoticeEvent & {
  /** The same for each repeat of an event's notice. */
  readonly id: string;
  /** When it happened, ISO 8601. */
  readonly at: string;
};

/** A hold as notices report it. */
export interface ToldHold extends Pick<Hold, 'code' | 'message' | 'since'> {
  readonly scope: string;
}

export type NoticeEvent =
  | {
      readonly type: 'batch.ended';
      readonly batch: NoticeBatch;
      /** `failed`: ended from outside or by an internal error; without a report. */
      readonly end: 'completed' | 'cancelled' | 'failed';
      /** Without rows if the run ended before its sheet was read. */
      readonly tally: Tally;
      /** What the account was charged meanwhile, a decimal string; absent if unknown. */
      readonly cost?: string;
    }
  | {
      readonly type: 'batch.held';
      readonly batch: NoticeBatch;
      readonly hold: ToldHold;
    }
  /** The batch paused itself: its budget is spent, or its canary needs a review. */
  | { readonly type: 'batch.paused'; readonly batch: NoticeBatch; readonly pause: Pause }
  /** Nothing has changed for long, without a known reason. `message` is for users. */
  | {
      readonly type: 'batch.stuck';
      readonly batch: NoticeBatch;
      readonly message: string;
      /** Time of the last change, ISO 8601. */
      readonly since: string;
    }
  | ({ readonly type: 'schedule.firing-skipped' } & FiringNotice)
  | ({
      readonly type: 'schedule.firing-failed';
      /** The workflow run of the schedule's run: a backfilled one may fail again later. */
      readonly runId: string;
    } & FiringNotice)
  /** A person tests the delivery of notices. */
  | { readonly type: 'test' };

/** A run of the schedule for which nothing was bought, and why. */
export interface FiringNotice {
  readonly schedule: ScheduleName;
  /** `s3://bucket/folder/` of the schedule's records: schedules in different places may have the same name. */
  readonly address: string;
  /** Its nominal time, ISO 8601. */
  readonly firingAt: string;
  /** For users: what prevented the run of the schedule, and what to do. */
  readonly reason: string;
  /** The batch that prevented it, or that it was to make. */
  readonly batchId?: BatchId;
}

/** The batch that a notice is about. */
export interface NoticeBatch {
  readonly batchId: BatchId;
  readonly runSeq: number;
  /** When the run began, ISO 8601; distinguishes it from a run of a deleted batch with the same number. */
  readonly startedAt: string;
  /** `s3://bucket/folder/` of its report and contact sheet. */
  readonly address: string;
}

/** Retries of a notice: soon at first, then less and less often, until they end. Milliseconds. */
export const NOTICE_RETRY = {
  firstMs: 1_000,
  factor: 2,
  longestMs: 3_600_000,
  forMs: 3 * 24 * 3_600_000,
} as const;

/** The wait after a failed attempt; `attempt` counts from 1. */
export function noticeRetryMs(attempt: number): number {
  const { firstMs, factor, longestMs } = NOTICE_RETRY;
  return Math.min(longestMs, firstMs * factor ** (attempt - 1));
}
