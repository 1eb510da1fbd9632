import { ApplicationFailure } from '@temporalio/common';
import { counted } from '../../domain/text/full-stop.js';
import type { GenerationRecord, RowOutcome, SettledRow } from '../../domain/rows/outcome.js';
import { noteOpened, listParts, readParts } from '../../ledger/parts.js';
import { batchRoot, imagesPrefix, partsPrefix, type RunRef } from '../../storage/layout.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { outcomeOf, putPart } from '../batch/shard-activities.js';
import type { SealInput } from '../../workflows/protocol/activities.js';

/** Counts of rows whose outcomes or images were lost. */
interface Losses {
  rows: number;
  /** Rows without a recorded outcome. */
  outcomes: number;
  /** Of those: found in Temporal's history. */
  found: number;
  /** Images that were stored and are gone; their jobs are known. */
  images: number;
}

/**
 * Records again the outcomes of opened shards that the ledger has lost, as far as Temporal's history has them. A row
 * whose image is gone too keeps its job. Returns a non-retryable failure that reports this; the batch's next run
 * takes the rest. Throws StorageError.
 */
export async function recordLostOutcomes(
  state: WorkerState,
  { run, openedShards, startedAt }: SealInput,
): Promise<ApplicationFailure> {
  const losses: Losses = { rows: 0, outcomes: 0, found: 0, images: 0 };
  const images = await imageKeys(state, run);
  for (let shard = 0; shard < openedShards; shard++) {
    await recordLost(state, { run, shard, images, startedAt }, losses);
  }
  return ApplicationFailure.nonRetryable(lossesText(run, losses), 'OutcomesLost');
}

/** The failure of a run whose prepared files are lost from the bucket. */
export function bucketSetBack({ batchId, runSeq }: RunRef, toRun: number): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The bucket was restored to an older state: its batch.json is from run ${toRun}, so run ${runSeq} cannot be finished. Continue with: banana-batch retry ${batchId}. It prepares the run again and keeps every image in the bucket.`,
    'OutcomesLost',
  );
}

async function recordLost(
  state: WorkerState,
  shardOf: {
    readonly run: RunRef;
    readonly shard: number;
    readonly images: ReadonlySet<string>;
    readonly startedAt: string;
  },
  losses: Losses,
): Promise<void> {
  const { run, shard, images, startedAt } = shardOf;
  const rows = await state.shardRows.all(run, shard);
  const parts = await listParts(state.store, run, shard);
  const recorded = await readParts(state.store, run, parts);
  const hasLost = rows.some(({ position }) => !recorded.has(position));
  const history = hasLost ? await inHistory(state, run, shard) : new Map<number, SettledRow>();
  const again: RowOutcome[] = [];
  for (const [index, row] of rows.entries()) {
    const known = recorded.get(row.position);
    const settled = known ? undefined : history.get(index);
    const outcome = known ?? (settled && (await outcomeOf(state, run, row, settled)));
    const reopened = outcome && withoutImage(run, outcome, images);
    losses.rows += 1;
    if (!known) losses.outcomes += 1;
    if (settled) losses.found += 1;
    if (reopened) losses.images += 1;
    if (reopened) again.push(reopened);
    else if (settled && outcome) again.push(outcome);
  }
  // Creates of rows without any record were sent after that, and are not repeated once the service may have forgotten their keys.
  await noteOpened(state.store, run, shard, { openedAt: startedAt });
  if (again.length > 0) await putPart(state, { run, shard, part: (parts.at(-1)?.part ?? -1) + 1 }, again);
}

/** Empty if Temporal has no history, as after its retention: then the rows' keys find their jobs. */
async function inHistory(
  { settledInHistory, log }: WorkerState,
  run: RunRef,
  shard: number,
): Promise<ReadonlyMap<number, SettledRow>> {
  try {
    return await settledInHistory(run, shard);
  } catch (error) {
    if (cancellationSignal().aborted) throw error;
    log.warn(
      { err: error, shard },
      "How the rows of a shard ended could not be read from Temporal's history.",
    );
    return new Map();
  }
}

/** The outcome of a row whose image is gone: the image is fetched again from its job. Undefined if the image is there. */
function withoutImage(run: RunRef, outcome: RowOutcome, images: ReadonlySet<string>): RowOutcome | undefined {
  const { end, imageKey, generations, phase: _, ...row } = outcome;
  if (end.kind !== 'stored' || imageKey === undefined || images.has(batchRoot(run) + imageKey))
    return undefined;
  const made = generations.findLastIndex((record) => record.end === 'done' && record.jobId !== undefined);
  const known = generations
    .slice(0, made + 1)
    .map((record, index): GenerationRecord => (index === made ? { ...record, end: 'open' } : record));
  if (known.length === 0) return undefined;
  const message = `Its image is missing from the bucket. To get it again from its job: banana-batch retry ${run.batchId}`;
  return { ...row, generations: known, end: { kind: 'failed', failure: 'shard-lost', message } };
}

async function imageKeys({ store }: WorkerState, run: RunRef): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for await (const { key } of store.list(run.bucket, imagesPrefix(run))) keys.add(key);
  return keys;
}

function lossesText(run: RunRef, { rows, outcomes, found, images }: Losses): string {
  const parts = partsPrefix(run, run.runSeq).slice(batchRoot(run).length);
  const unknown = outcomes - found;
  return [
    `Records of the batch are missing: files below ${parts} with the results of ${outcomes} of ${counted(rows, 'row')}, probably because the bucket was restored to an older state. The batch is not finished.`,
    `Continue with: banana-batch retry ${run.batchId}. It keeps every image in the bucket.`,
    ...(found > 0
      ? [`The results of ${counted(found, 'row')} were found in Temporal's history and are recorded again.`]
      : []),
    ...(images > 0
      ? [
          `${counted(images, 'image')} ${images === 1 ? 'is' : 'are'} missing too: retry gets ${images === 1 ? 'it' : 'them'} again from ${images === 1 ? 'its job' : 'their jobs'}, without buying.`,
        ]
      : []),
    ...(unknown > 0
      ? [
          `Nothing else is known of ${counted(unknown, 'row')}: retry repeats their creates with the same idempotency keys, which buys nothing twice, unless the service has forgotten the keys.`,
        ]
      : []),
  ].join(' ');
}
