import { Context } from '@temporalio/activity';
import pMap from 'p-map';
import { tallyOfSettled } from '../../domain/batch/tally.js';
import type { RowOutcome, SettledRow } from '../../domain/rows/outcome.js';
import type { RowStart, ShardRow } from '../../domain/rows/row.js';
import { leftUnended } from '../../domain/rows/row-plan.js';
import { toJsonLines } from '../../ledger/files/json-lines.js';
import { noteOpened, listParts, readParts, toOutcome } from '../../ledger/parts.js';
import { PresentImages } from '../../ledger/present-images.js';
import { at, partKey, type RunRef } from '../../storage/layout.js';
import type { KnownRow, ShardOverview } from '../../workflows/protocol/shard-messages.js';
import { withHeartbeat } from '../worker/activity-context.js';
import { modeOf } from '../row/outgoing-create.js';
import type { WorkerState } from '../worker/dependencies.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities, RecordOutcomesInput } from '../../workflows/protocol/activities.js';

/** Returns what a shard must know of its rows, and what an earlier execution of the shard has recorded. */
export function openShardActivity(state: WorkerState): Activities['openShard'] {
  return ({ run, shard, openedBy }) =>
    bearingBucket(state, async () => {
      const rows = await state.shardRows.all(run, shard);
      const parts = await listParts(state.store, run, shard);
      const recorded = await readParts(state.store, run, parts);
      // From here on there may be creates that only this shard's workflow knows of.
      const first = await noteOpened(state.store, run, shard, { openedBy });
      const doubt = first.openedBy === openedBy ? undefined : { runSeq: run.runSeq, ...first };
      return overviewOf(rows, recorded, { nextPart: (parts.at(-1)?.part ?? -1) + 1, doubt });
    });
}

function overviewOf(
  rows: readonly ShardRow[],
  recorded: ReadonlyMap<number, RowOutcome>,
  {
    nextPart,
    doubt,
  }: {
    readonly nextPart: number;
    /** Set if an earlier execution may have sent creates that were not recorded. */
    readonly doubt: { readonly runSeq: number; readonly openedAtMs: number } | undefined;
  },
): ShardOverview {
  const modes: { mode: ReturnType<typeof modeOf>; rows: number }[] = [];
  const known: KnownRow[] = [];
  const recordedRows: number[] = [];
  for (const [row, shardRow] of rows.entries()) {
    const mode = modeOf(shardRow);
    const last = modes.at(-1);
    if (last?.mode === mode) last.rows += 1;
    else modes.push({ mode, rows: 1 });
    if (recorded.has(shardRow.position)) recordedRows.push(row);
    else known.push(...knownStart(row, startOf(shardRow, doubt)));
  }
  const tally = tallyOfSettled(recorded.values());
  return { modes, known, recorded: { rows: recordedRows, tally }, nextPart };
}

function startOf(row: ShardRow, doubt: Parameters<typeof overviewOf>[2]['doubt']): RowStart {
  if (!doubt) return row;
  return leftUnended(row, { ...doubt, leftAt: new Date(doubt.openedAtMs).toISOString() }).start ?? row;
}

/** How far a row had come before; undefined for a row that starts from its first generation. */
function knownStart(row: number, start: RowStart): readonly KnownRow[] {
  const { generation, jobId, unansweredSinceMs, openedSinceMs, failedAlone, keptImage } = start;
  const isUnsent = !jobId && unansweredSinceMs === undefined && openedSinceMs === undefined;
  const startsAfresh = generation === 1 && isUnsent && !failedAlone && !keptImage;
  if (startsAfresh) return [];
  return [
    {
      row,
      generation,
      ...(jobId && { jobId }),
      ...(unansweredSinceMs !== undefined && { unansweredSinceMs }),
      ...(openedSinceMs !== undefined && { openedSinceMs }),
      ...(failedAlone && { failedAlone }),
      ...(keptImage && { hasImage: true }),
    },
  ];
}

/** Rows that are checked in the bucket at a time. */
const LOOKS_AT_ONCE = 16;

/** Writes one part: settled rows with their costs. Idempotent. */
export function recordOutcomesActivity(state: WorkerState): Activities['recordOutcomes'] {
  return ({ run, shard, part, settled }: RecordOutcomesInput) =>
    bearingBucket(state, async () => {
      const outcomes = await pMap(
        settled,
        async (one) => outcomeOf(state, run, await state.shardRows.row({ run, shard, row: one.row }), one),
        { concurrency: LOOKS_AT_ONCE },
      );
      await putPart(state, { run, shard, part }, outcomes);
    });
}

/** A row's outcome, with the service's text. A row reported to keep its old image has the new one if that was stored after all, unknown to its shard. */
export async function outcomeOf(
  state: WorkerState,
  run: RunRef,
  row: ShardRow,
  settled: Omit<SettledRow, 'row'>,
): Promise<RowOutcome> {
  const outcome = toOutcome(run, row, await state.serviceTexts.shownOf(run, settled));
  return row.keptImage && settled.end.kind !== 'stored' ? orStored(state, run, row, outcome) : outcome;
}

/** The outcome of a row, or `stored` if its image is in the bucket. */
async function orStored(
  { store }: WorkerState,
  run: RunRef,
  row: ShardRow,
  outcome: RowOutcome,
): Promise<RowOutcome> {
  const present = await PresentImages.list(store, run, row.imageName);
  return (await present.outcomeOf(row, outcome, { leastGeneration: row.generation })) ?? outcome;
}

/**
 * Settles as `shard-lost` all rows of a shard that have neither a recorded outcome nor an image in the bucket; their
 * idempotency keys return their jobs later.
 */
export function recordLostShardActivity(state: WorkerState): Activities['recordLostShard'] {
  return ({ run, shard, openedAtMs }) =>
    bearingBucket(state, async () => {
      const rows = await state.shardRows.all(run, shard);
      const parts = await listParts(state.store, run, shard);
      const recorded = await readParts(state.store, run, parts);
      const settledAtMs = Context.current().info.scheduledTimestampMs;
      const left = { runSeq: run.runSeq, openedAtMs, leftAt: new Date(settledAtMs).toISOString() };
      const message = `The workflow of its shard was terminated twice. To find its job again by its idempotency key: banana-batch retry ${run.batchId}`;
      const lost = await pMap(
        rows.filter(({ position }) => !recorded.has(position)),
        (row) => {
          const end = { kind: 'failed', failure: 'shard-lost', message } as const;
          const { generations } = leftUnended(row, left).outcome;
          return orStored(state, run, row, toOutcome(run, row, { end, generations, settledAtMs }));
        },
        { concurrency: LOOKS_AT_ONCE },
      );
      await putPart(state, { run, shard, part: (parts.at(-1)?.part ?? -1) + 1 }, lost);
      return tallyOfSettled([...recorded.values(), ...lost]);
    });
}

/** Sends heartbeats, so that the death of the worker is noticed soon. */
export function bearingBucket<T>(state: WorkerState, work: () => Promise<T>): Promise<T> {
  return withHeartbeat(() => withStorageRetries(state, work));
}

export async function putPart(
  state: WorkerState,
  { run, shard, part }: Pick<RecordOutcomesInput, 'run' | 'shard' | 'part'>,
  outcomes: readonly RowOutcome[],
): Promise<void> {
  await state.store.put(at(run, partKey(run, run.runSeq, shard, part)), toJsonLines(outcomes), {
    contentType: 'application/jsonl',
  });
}
