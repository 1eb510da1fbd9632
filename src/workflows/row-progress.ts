import type { ModelMode } from '../domain/holds.js';
import type { JobId } from '../domain/ids.js';
import type { GenerationRecord, SettledEnd } from '../domain/outcome.js';
import type { LeftRow, RowView, ShardOverview } from './shard-messages.js';

/** Where one row of an open shard is. */
export interface RowProgress {
  readonly mode: ModelMode;
  phase: RowView['phase'] | 'recorded';
  generation: number;
  jobId: JobId | undefined;
  unansweredSinceMs: number | undefined;
  notBeforeMs: number;
  openedSinceMs: number | undefined;
  hasImage: boolean;
  generations: GenerationRecord[];
  end: SettledEnd | undefined;
}

/** The rows of a shard as it begins: by its overview, and by what a workflow run before this one knew of them. */
export function rowsAtFirst(overview: ShardOverview, left: readonly LeftRow[]): readonly RowProgress[] {
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
      unansweredSinceMs: now?.unansweredSinceMs,
      notBeforeMs: before.get(row)?.notBeforeMs ?? 0,
      openedSinceMs: start?.openedSinceMs,
      hasImage: start?.hasImage ?? false,
      generations: [...(before.get(row)?.generations ?? [])],
      end: undefined,
    };
  });
}
