import { KINDS_TRIED_AGAIN, type UnstoredKind } from './failure-kind.js';
import type { ContentHash, RowId } from './ids.js';
import type { GenerationRecord, RowOutcome } from './outcome.js';
import type { RowStart, ShardRow, CurrentImage } from './row.js';

/** How the batch's earlier runs left a row. */
export interface RowBefore {
  /** Its outcome. For an unfinished row, the outcome if nothing more is done: cancelled, or stored with its present image. */
  readonly outcome: RowOutcome;
  /** Where an unfinished row continues; absent for a finished one. */
  readonly start?: RowStart;
  /** The chosen name of its image; absent if the name derived from the row's id. */
  readonly imageName?: string;
}

/** Which rows with unchanged content a run processes. All others stay as they are. */
export interface SelectedRows {
  /** Rows with these outcomes; `cancelled` includes unfinished rows. */
  readonly kinds: ReadonlySet<UnstoredKind>;
  /** Rows that get another image, whatever their outcome. */
  readonly redo: ReadonlySet<RowId>;
}

/** What a run does with a row, given how the batch's earlier runs left it. */
export type RowPlan =
  /** Nothing: it keeps its outcome. */
  | { readonly kind: 'carry'; readonly outcome: RowOutcome }
  | {
      readonly kind: 'run';
      readonly change: 'new' | 'changed' | 'again' | 'redo';
      readonly start: RowStart;
    };

const FIRST: RowStart = { generation: 1 };

/** The rows that a request selects: exactly the named kinds, by default those that a retry may fix; for a `redo` only its rows. */
export function selectedRows(request: {
  readonly action: 'submit' | 'retry' | 'redo';
  readonly kinds: readonly UnstoredKind[];
  readonly redo: readonly RowId[];
}): SelectedRows {
  const named = request.kinds.length > 0 ? new Set(request.kinds) : KINDS_TRIED_AGAIN;
  return { kinds: request.action === 'redo' ? new Set() : named, redo: new Set(request.redo) };
}

/**
 * Plans one row. A new row and one with changed content start at their first generation. An unfinished one continues
 * exactly where it was. All others continue from their last generation: it advances only past a job that was seen
 * failed or gone, or by a redo of one with a known end.
 */
export function planRow(
  row: { readonly rowId: RowId; readonly contentHash: ContentHash },
  before: RowBefore | undefined,
  taken: SelectedRows,
): RowPlan {
  if (!before) return { kind: 'run', change: 'new', start: FIRST };
  const { outcome, start } = before;
  if (outcome.contentHash !== row.contentHash) return { kind: 'run', change: 'changed', start: FIRST };
  const isRedone = taken.redo.has(row.rowId);
  if (start) {
    if (!isRedone && !taken.kinds.has('cancelled')) return { kind: 'carry', outcome };
    return { kind: 'run', change: 'again', start };
  }
  if (isRedone) return { kind: 'run', change: 'redo', start: startOfRedo(outcome) };
  const kind = kindOf(outcome);
  if (kind === undefined || !taken.kinds.has(kind)) return { kind: 'carry', outcome };
  const alone = kind === 'service-error' || kind === 'result-gone';
  return {
    kind: 'run',
    change: 'again',
    start: { ...startAgain(outcome), ...(alone && { failedAlone: true }) },
  };
}

/** The kind of a row without an image; undefined for a stored one. */
export function kindOf({ end }: Pick<RowOutcome, 'end'>): UnstoredKind | undefined {
  switch (end.kind) {
    case 'stored':
      return undefined;
    case 'failed':
      return end.failure;
    case 'cancelled':
      return 'cancelled';
  }
}

/** All generations of a row's content: those of earlier runs, with the later record of each generation. */
export function generationsTogether(
  earlier: readonly GenerationRecord[],
  made: readonly GenerationRecord[],
): readonly GenerationRecord[] {
  const [first] = made;
  return first ? [...earlier.filter(({ generation }) => generation < first.generation), ...made] : earlier;
}

/**
 * A row whose run ended before it. If its shard had been opened, the row's progress is unknown: its keys find what
 * was sent while the service knows them, and their age counts from then.
 */
export function leftUnended(
  row: ShardRow,
  left: {
    readonly runSeq: number;
    /** When its shard was first opened; undefined if never. Milliseconds since the epoch. */
    readonly openedAtMs: number | undefined;
    /** ISO 8601. */
    readonly leftAt: string;
  },
): RowBefore {
  const start = left.openedAtMs === undefined ? startOf(row) : startInDoubt(startOf(row), left.openedAtMs);
  const { position, rowId, contentHash, keptImage } = row;
  return {
    start,
    outcome: {
      position,
      rowId,
      contentHash,
      runSeq: left.runSeq,
      generations: start.earlier ?? [],
      end: keptImage?.end ?? { kind: 'cancelled' },
      ...(keptImage && { imageKey: keptImage.imageKey }),
      settledAt: left.leftAt,
    },
  };
}

function startOf(row: ShardRow): RowStart {
  const { generation, jobId, unansweredSinceMs, openedSinceMs, failedAlone, earlier, keptImage } = row;
  return {
    generation,
    ...(jobId && { jobId }),
    ...(unansweredSinceMs !== undefined && { unansweredSinceMs }),
    ...(openedSinceMs !== undefined && { openedSinceMs }),
    ...(failedAlone && { failedAlone }),
    ...(earlier && { earlier }),
    ...(keptImage && { keptImage }),
  };
}

function startInDoubt(start: RowStart, openedAtMs: number): RowStart {
  const { generation, jobId } = start;
  const openedSinceMs = Math.min(openedAtMs, start.openedSinceMs ?? openedAtMs);
  const unansweredSinceMs = Math.min(openedSinceMs, start.unansweredSinceMs ?? openedSinceMs);
  const record: GenerationRecord = jobId
    ? { generation, jobId, end: 'open', charged: 'unknown', openedSinceMs }
    : { generation, end: 'unanswered', charged: 'unknown', unansweredSinceMs, openedSinceMs };
  return {
    ...start,
    openedSinceMs,
    ...(jobId === undefined && { unansweredSinceMs }),
    earlier: generationsTogether(start.earlier ?? [], [record]),
  };
}

function startAgain({ end, generations, settledAt }: RowOutcome): RowStart {
  const start = startAfter(generations.at(-1), Date.parse(settledAt));
  const isNamed = end.kind === 'failed' && end.failure === 'unknown-charge';
  return { ...(isNamed ? ageless(start) : start), ...(generations.length > 0 && { earlier: generations }) };
}

/** The next generation on purpose, unless the last one's end is unknown or its image was never copied: then its job comes first. */
function startOfRedo({ end, imageKey, generations, settledAt }: RowOutcome): RowStart {
  const last = generations.at(-1);
  const start = startAfter(last, Date.parse(settledAt));
  const isCopied = last?.end === 'done' && end.kind !== 'cancelled';
  const isDeliberate = last && (isCopied || last.end === 'unfinished');
  const keptImage: CurrentImage | undefined =
    end.kind === 'stored' && imageKey !== undefined ? { end, imageKey } : undefined;
  return {
    ...(isDeliberate
      ? { generation: last.generation + 1 }
      : last?.end === 'unanswered'
        ? ageless(start)
        : start),
    ...(generations.length > 0 && { earlier: generations }),
    ...(keptImage && { keptImage }),
  };
}

/** The same start with the time removed because a person decided: its create is sent again with the same key, however old. */
function ageless({ generation, jobId }: RowStart): RowStart {
  return { generation, ...(jobId && { jobId }) };
}

function startAfter(last: GenerationRecord | undefined, settledAtMs: number): RowStart {
  if (!last) return FIRST;
  const { generation, jobId, openedSinceMs } = last;
  const opened = openedSinceMs !== undefined && { openedSinceMs };
  switch (last.end) {
    case 'failed':
    case 'gone':
      return { generation: generation + 1 };
    case 'done':
    case 'unfinished':
      return { generation, ...(jobId && { jobId }) };
    case 'open':
      return { generation, ...(jobId && { jobId }), ...opened };
    case 'invalid':
      return { generation };
    case 'unanswered':
      // The age keeps counting: a key that the service has forgotten must not be sent again.
      return { generation, unansweredSinceMs: last.unansweredSinceMs ?? settledAtMs, ...opened };
  }
}
