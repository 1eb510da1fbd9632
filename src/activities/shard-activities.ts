import { Context } from '@temporalio/activity';
import { tallyOfSettled } from '../domain/tally.js';
import type { RowOutcome } from '../domain/outcome.js';
import type { ShardRow } from '../domain/row.js';
import { toJsonLines } from '../ledger/json-lines.js';
import { at, partKey } from '../storage/layout.js';
import type { KnownRow, ShardOverview } from '../workflows/messages.js';
import { withHeartbeat } from './activity-context.js';
import { modeOf } from './create-generation.js';
import type { WorkerState } from './dependencies.js';
import { listParts, readParts, toOutcome } from '../ledger/parts.js';
import { bearingStorage } from './storage-fault.js';
import type { Activities, RecordOutcomesInput } from './types.js';

/** Tells a shard what it must know of its rows, and what an earlier execution of it has recorded. */
export function openShardActivity(state: WorkerState): Activities['openShard'] {
  return ({ run, shard }) =>
    bearingBucket(state, async () => {
      const rows = await state.shardRows.all(run, shard);
      const parts = await listParts(state.store, run, shard);
      const recorded = await readParts(state.store, run, parts);
      return overviewOf(rows, recorded, (parts.at(-1)?.part ?? -1) + 1);
    });
}

function overviewOf(
  rows: readonly ShardRow[],
  recorded: ReadonlyMap<number, RowOutcome>,
  nextPart: number,
): ShardOverview {
  const modes: { mode: ReturnType<typeof modeOf>; rows: number }[] = [];
  const known: KnownRow[] = [];
  const recordedRows: number[] = [];
  for (const [row, shardRow] of rows.entries()) {
    const mode = modeOf(shardRow);
    const last = modes.at(-1);
    if (last?.mode === mode) last.rows += 1;
    else modes.push({ mode, rows: 1 });
    const { generation, jobId, unansweredSinceMs, position } = shardRow;
    if (recorded.has(position)) recordedRows.push(row);
    else if (generation > 1 || jobId || unansweredSinceMs !== undefined) {
      const unanswered = unansweredSinceMs !== undefined && { unansweredSinceMs };
      known.push({ row, generation, ...(jobId && { jobId }), ...unanswered });
    }
  }
  const tally = tallyOfSettled(recorded.values());
  return { modes, known, recorded: { rows: recordedRows, tally }, nextPart };
}

/** Writes one part: rows that have settled, with what they cost. Writing it again changes nothing. */
export function recordOutcomesActivity(state: WorkerState): Activities['recordOutcomes'] {
  return ({ run, shard, part, settled }: RecordOutcomesInput) =>
    bearingBucket(state, async () => {
      const outcomes = await Promise.all(
        settled.map(async (one) =>
          toOutcome(run, await state.shardRows.row({ run, shard, row: one.row }), one),
        ),
      );
      await putPart(state, { run, shard, part }, outcomes);
    });
}

/** Settles as `shard-lost` every row of a shard that has no recorded outcome; their keys give their jobs back later. */
export function recordLostShardActivity(state: WorkerState): Activities['recordLostShard'] {
  return ({ run, shard, openedAtMs }) =>
    bearingBucket(state, async () => {
      const rows = await state.shardRows.all(run, shard);
      const parts = await listParts(state.store, run, shard);
      const recorded = await readParts(state.store, run, parts);
      const settledAtMs = Context.current().info.scheduledTimestampMs;
      const message =
        'The workflow of its shard was ended from outside twice; retry finds its job by its key.';
      const lost = rows
        .filter(({ position }) => !recorded.has(position))
        .map((row) => {
          const { generation, jobId, unansweredSinceMs = openedAtMs } = row;
          const open = jobId
            ? ({ generation, jobId, end: 'open', charged: 'unknown' } as const)
            : ({ generation, end: 'unanswered', charged: 'unknown', unansweredSinceMs } as const);
          const end = { kind: 'failed', failure: 'shard-lost', message } as const;
          return toOutcome(run, row, { end, generations: [open], settledAtMs });
        });
      await putPart(state, { run, shard, part: (parts.at(-1)?.part ?? -1) + 1 }, lost);
      return tallyOfSettled([...recorded.values(), ...lost]);
    });
}

/** With heartbeats, by which a worker that dies meanwhile is noticed soon. */
function bearingBucket<T>(state: WorkerState, work: () => Promise<T>): Promise<T> {
  return withHeartbeat(() => bearingStorage(state, work));
}

async function putPart(
  state: WorkerState,
  { run, shard, part }: Pick<RecordOutcomesInput, 'run' | 'shard' | 'part'>,
  outcomes: readonly RowOutcome[],
): Promise<void> {
  await state.store.put(at(run, partKey(run, run.runSeq, shard, part)), toJsonLines(outcomes), {
    contentType: 'application/jsonl',
  });
}
