import { KINDS_TRIED_AGAIN, type UnstoredKind } from './failure-kind.js';
import type { ContentHash, RowId } from './ids.js';
import type { GenerationRecord, RowOutcome } from './outcome.js';
import type { RowStart, ShardRow, CurrentImage } from './row.js';

/** How the batch's earlier runs left a row. */
export interface RowBefore {
  /** How it ended; where it had not ended, what it is if nothing more is done: cancelled, or still with the image it had. */
  readonly outcome: RowOutcome;
  /** Where a row that had not ended continues; absent for one that had. */
  readonly start?: RowStart;
  /** The chosen name that its image had; absent where the row had none, and so the one that its id gives. */
  readonly imageName?: string;
}

/** Which rows a run takes up, of those whose content is as it was. All others stay as they are. */
export interface TakenUp {
  /** Rows that ended so; `cancelled` takes up also those that had not ended. */
  readonly kinds: ReadonlySet<UnstoredKind>;
  /** Rows that get another image, whatever they ended as. */
  readonly redo: ReadonlySet<RowId>;
}

/** What a run does with a row, compared with how the batch's earlier runs left it. */
export type RowPlan =
  /** Nothing: it keeps its outcome. */
  | { readonly kind: 'carry'; readonly outcome: RowOutcome }
  | {
      readonly kind: 'run';
      readonly change: 'new' | 'changed' | 'again' | 'redo';
      readonly start: RowStart;
    };

const FIRST: RowStart = { generation: 1 };

/** What a run takes up by its request: exactly the kinds that are named, else those that trying again may fix; for a `redo` its rows and nothing else. */
export function takenUpBy(request: {
  readonly action: 'submit' | 'retry' | 'redo';
  readonly kinds: readonly UnstoredKind[];
  readonly redo: readonly RowId[];
}): TakenUp {
  const named = request.kinds.length > 0 ? new Set(request.kinds) : KINDS_TRIED_AGAIN;
  return { kinds: request.action === 'redo' ? new Set() : named, redo: new Set(request.redo) };
}

/**
 * Plans one row. A new row and one whose content has changed start at their first generation. One that had not ended
 * continues exactly where it was. All others continue from the generation they had come to: it advances only past a job
 * that was seen failed or gone, or on purpose by a redo of one whose end was seen.
 */
export function planRow(
  row: { readonly rowId: RowId; readonly contentHash: ContentHash },
  before: RowBefore | undefined,
  taken: TakenUp,
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
  return { kind: 'run', change: 'again', start: startAgain(outcome) };
}

/** What a row without an image came to; undefined for a stored one. */
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

/** All generations of a row's content: those of earlier runs, where later news of the same one replaces the older. */
export function generationsTogether(
  earlier: readonly GenerationRecord[],
  made: readonly GenerationRecord[],
): readonly GenerationRecord[] {
  const [first] = made;
  return first ? [...earlier.filter(({ generation }) => generation < first.generation), ...made] : earlier;
}

/**
 * A row whose run was ended before the row was. Where its shard had been opened, no one knows how far the row had
 * come: what was sent is found again by its keys while the service knows them, and its age counts from then.
 */
export function leftUnended(
  row: ShardRow,
  left: {
    readonly runSeq: number;
    /** When its shard was opened first; undefined where it never was. Milliseconds since the epoch. */
    readonly openedAtMs: number | undefined;
    /** ISO 8601. */
    readonly leftAt: string;
  },
): RowBefore {
  const start = left.openedAtMs === undefined ? startOf(row) : startInDoubt(startOf(row), left.openedAtMs);
  const { position, rowId, contentHash, standing } = row;
  return {
    start,
    outcome: {
      position,
      rowId,
      contentHash,
      runSeq: left.runSeq,
      generations: start.earlier ?? [],
      end: standing?.end ?? { kind: 'cancelled' },
      ...(standing && { imageKey: standing.imageKey }),
      settledAt: left.leftAt,
    },
  };
}

function startOf(row: ShardRow): RowStart {
  const { generation, jobId, unansweredSinceMs, openedSinceMs, earlier, standing } = row;
  return {
    generation,
    ...(jobId && { jobId }),
    ...(unansweredSinceMs !== undefined && { unansweredSinceMs }),
    ...(openedSinceMs !== undefined && { openedSinceMs }),
    ...(earlier && { earlier }),
    ...(standing && { standing }),
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

/** The next generation on purpose, unless the last one's end was not seen: then its job comes first. */
function startOfRedo({ end, imageKey, generations, settledAt }: RowOutcome): RowStart {
  const last = generations.at(-1);
  const start = startAfter(last, Date.parse(settledAt));
  const isDeliberate = last && (last.end === 'done' || last.end === 'unfinished');
  const standing: CurrentImage | undefined =
    end.kind === 'stored' && imageKey !== undefined ? { end, imageKey } : undefined;
  return {
    ...(isDeliberate
      ? { generation: last.generation + 1 }
      : last?.end === 'unanswered'
        ? ageless(start)
        : start),
    ...(generations.length > 0 && { earlier: generations }),
    ...(standing && { standing }),
  };
}

/** The same start with the doubt taken off by a person: its create is sent again with the same key, however old. */
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
      // Its age continues counting: a key that the service has forgotten must not be sent again.
      return { generation, unansweredSinceMs: last.unansweredSinceMs ?? settledAtMs, ...opened };
  }
}
