import type { Pause } from './pause.js';
import type { Hold } from './holds.js';
import type { BatchId } from '../rows/ids.js';
import type { ScheduleName } from './schedule-name.js';
import type { Tally } from './tally.js';

/** Word of something that a person may want to act on. Counts and names only: no prompt, no row id, no secret. */
export type Notice = NoticeEvent & {
  /** The same for the same event, however often it is told. */
  readonly id: string;
  /** When it happened, ISO 8601. */
  readonly at: string;
};

/** A hold as it is told. */
export interface ToldHold extends Pick<Hold, 'code' | 'message' | 'since'> {
  readonly scope: string;
}

export type NoticeEvent =
  | {
      readonly type: 'batch.ended';
      readonly batch: NoticeBatch;
      /** `failed`: ended from outside, or by an error of its own; there is no report then. */
      readonly end: 'completed' | 'cancelled' | 'failed';
      /** Without rows where it ended before its sheet was read. */
      readonly tally: Tally;
      /** What the account was charged meanwhile, a decimal string; absent where no one can say. */
      readonly cost?: string;
    }
  | {
      readonly type: 'batch.held';
      readonly batch: NoticeBatch;
      readonly hold: ToldHold;
    }
  /** The batch itself has paused: its budget is spent, or its canary is to be looked at. */
  | { readonly type: 'batch.paused'; readonly batch: NoticeBatch; readonly pause: Pause }
  /** Nothing has moved for long, and nothing says why. `message` is for a person. */
  | {
      readonly type: 'batch.stuck';
      readonly batch: NoticeBatch;
      readonly message: string;
      /** When something moved last, ISO 8601. */
      readonly since: string;
    }
  | ({ readonly type: 'schedule.firing-skipped' } & FiringNotice)
  | ({
      readonly type: 'schedule.firing-failed';
      /** The workflow run of the firing: one that is made up for later may fail again. */
      readonly runId: string;
    } & FiringNotice)
  /** A person tries whether notices arrive. */
  | { readonly type: 'test' };

/** A firing of which nothing was bought, and why. */
export interface FiringNotice {
  readonly schedule: ScheduleName;
  /** `s3://bucket/folder/`, where what is known of the schedule is: schedules of one name may be in many places. */
  readonly address: string;
  /** Its nominal time, ISO 8601. */
  readonly firingAt: string;
  /** For a person: what was in the way, and what to do. */
  readonly reason: string;
  /** The batch that was in the way, or that was to be made. */
  readonly batchId?: BatchId;
}

/** The batch that a notice is about. */
export interface NoticeBatch {
  readonly batchId: BatchId;
  readonly runSeq: number;
  /** When the run began, ISO 8601: tells it from one of the same number whose batch was deleted. */
  readonly startedAt: string;
  /** `s3://bucket/folder/`, where its report and its contact sheet are. */
  readonly address: string;
}

/** How a notice is tried again: soon at first, then ever more rarely, and in the end no more. Milliseconds. */
export const NOTICE_RETRY = {
  firstMs: 1_000,
  factor: 2,
  longestMs: 3_600_000,
  forMs: 3 * 24 * 3_600_000,
} as const;

/** How long to wait after an attempt that failed; `attempt` counts from 1. */
export function noticeRetryMs(attempt: number): number {
  const { firstMs, factor, longestMs } = NOTICE_RETRY;
  return Math.min(longestMs, firstMs * factor ** (attempt - 1));
}
