import type { ModelMode } from '../../domain/batch/holds.js';
import type { JobId } from '../../domain/rows/ids.js';
import type { GenerationRecord, SettledEnd } from '../../domain/rows/outcome.js';
import type { MissingJob } from '../../domain/rows/missing-job.js';
import type { RowFault } from '../../domain/batch/row-faults.js';
import type { LeftRow, RowView, ShardOverview } from '../protocol/shard-messages.js';

/** The progress of one row of an open shard. */
export interface RowProgress {
  readonly mode: ModelMode;
  phase: RowView['phase'] | 'recorded';
  generation: number;
  jobId: JobId | undefined;
  /** The earliest time at which the present job was made, in milliseconds since the epoch; undefined if another run made it. */
  jobMadeMs: number | undefined;
  /** The latest time at which it was made; undefined without a job. */
  jobByMs: number | undefined;
  /** Whether the job was seen done. */
  wasDone: boolean;
  /** How long the job had been seen unfinished when the row was put aside. */
  unfinishedMs: number;
  /** Set if the job was not found at the last check. */
  missing: MissingJob | undefined;
  /** The row's own last fault; undefined once it succeeded. */
  fault: RowFault | undefined;
  /** See `RowStart`. */
  readonly failedAlone: boolean;
  /** Set while a pending row is in no queue; identifies the callback that returns it. */
  away: object | undefined;
  unansweredSinceMs: number | undefined;
  notBeforeMs: number;
  openedSinceMs: number | undefined;
  hasImage: boolean;
  generations: GenerationRecord[];
  end: SettledEnd | undefined;
}

/** The rows of a shard at its start, from its overview and from an earlier workflow run. */
export function rowsAtFirst(
  overview: ShardOverview,
  left: readonly LeftRow[],
  nowMs: number,
): readonly RowProgress[] {
  const modes = overview.modes.flatMap(({ mode, rows }) => Array.from({ length: rows }, () => mode));
  const recorded = new Set(overview.recorded.rows);
  const known = new Map(overview.known.map((row) => [row.row, row]));
  const before = new Map(left.map((row) => [row.row, row]));
  return modes.map((mode, row) => {
    const start = known.get(row);
    const now = before.get(row) ?? start;
    return {
      mode,
      phase: recorded.has(row) ? 'recorded' : 'pending',
      generation: now?.generation ?? 1,
      jobId: now?.jobId,
      jobMadeMs: before.get(row)?.jobMadeMs,
      jobByMs: before.get(row)?.jobByMs ?? (now?.jobId ? nowMs : undefined),
      wasDone: before.get(row)?.wasDone ?? false,
      unfinishedMs: before.get(row)?.unfinishedMs ?? 0,
      missing: before.get(row)?.missing,
      fault: before.get(row)?.fault,
      failedAlone: start?.failedAlone ?? false,
      away: undefined,
      unansweredSinceMs: now?.unansweredSinceMs,
      notBeforeMs: before.get(row)?.notBeforeMs ?? 0,
      openedSinceMs: start?.openedSinceMs,
      hasImage: start?.hasImage ?? false,
      generations: [...(before.get(row)?.generations ?? [])],
      end: undefined,
    };
  });
}

/**
 * The record of a generation whose end was not seen or whose image is not stored; undefined if nothing was ever sent. Of a
 * row that keeps its earlier image it is `open` even if its job is done: `done` would look as if the image was that job's.
 */
export function openRecordOf(progress: RowProgress): GenerationRecord | undefined {
  const { generation, jobId, unansweredSinceMs, openedSinceMs, phase, wasDone, hasImage } = progress;
  const opened = openedSinceMs !== undefined && { openedSinceMs };
  if (jobId && (phase === 'copying' || wasDone))
    return { generation, jobId, end: hasImage ? 'open' : 'done', charged: 'yes' };
  if (jobId) return { generation, jobId, end: 'open', charged: 'unknown', ...opened };
  if (unansweredSinceMs !== undefined)
    return { generation, end: 'unanswered', charged: 'unknown', unansweredSinceMs, ...opened };
  return undefined;
}

/** What is known of waiting rows, besides what is recorded. */
export function leftOf(rows: readonly RowProgress[]): readonly LeftRow[] {
  return rows.flatMap((progress, row) => {
    const { phase, generation, jobId, unansweredSinceMs, notBeforeMs, generations } = progress;
    const { jobMadeMs, jobByMs, wasDone, unfinishedMs, missing, fault } = progress;
    const isNew =
      generation === 1 && !jobId && unansweredSinceMs === undefined && notBeforeMs === 0 && !fault;
    if (phase !== 'pending' || isNew) return [];
    return [
      {
        row,
        generation,
        jobId,
        unansweredSinceMs,
        ...(notBeforeMs > 0 && { notBeforeMs }),
        ...(jobMadeMs !== undefined && { jobMadeMs }),
        ...(jobByMs !== undefined && { jobByMs }),
        ...(wasDone && { wasDone }),
        ...(unfinishedMs > 0 && { unfinishedMs }),
        ...(missing && { missing }),
        ...(fault && { fault }),
        generations,
      },
    ];
  });
}

/** The job fields at the start of a row's next generation. */
export const WITHOUT_JOB = {
  jobId: undefined,
  jobMadeMs: undefined,
  jobByMs: undefined,
  wasDone: false,
  unfinishedMs: 0,
  missing: undefined,
  fault: undefined,
} as const;

/** The row as shown outside; undefined if its outcome is recorded. `sinceMs`: when it reached its step. */
export function viewOf(progress: Readonly<RowProgress>, sinceMs: number | undefined): RowView | undefined {
  const { phase, generation, jobId, generations, end, fault, missing } = progress;
  if (phase === 'recorded') return undefined;
  const isOpen = end === undefined;
  return {
    phase,
    generation,
    generations,
    ...(sinceMs !== undefined && { sinceMs }),
    ...(jobId && { jobId }),
    ...(end && { end }),
    ...(isOpen && fault && { fault: { step: fault.step, sinceMs: fault.sinceMs, failures: fault.failures } }),
    ...(isOpen && missing && { isJobMissing: true }),
  };
}
