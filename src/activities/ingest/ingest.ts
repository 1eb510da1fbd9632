import { ApplicationFailure } from '@temporalio/common';
import { canaryIndexes } from '../../domain/batch/canary.js';
import { ImageCounts } from '../../domain/money/image-counts.js';
import { hasChosenName, imageNameOf } from '../../domain/images/image-name.js';
import { formerRowId } from '../../domain/identity/row-id.js';
import { addTallies, EMPTY_TALLY, type Tally } from '../../domain/batch/tally.js';
import { shardLength } from '../../domain/batch/window.js';
import { BatchFile, RunRequest } from '../../ledger/documents.js';
import { toJsonLines } from '../../ledger/files/json-lines.js';
import { LedgerFiles } from '../../ledger/files/ledger-files.js';
import { listedInputs } from '../../ledger/input-list.js';
import { plannedRows, type PlannedRow } from '../../plan/rows/planned-rows.js';
import { PresentImages } from '../../ledger/present-images.js';
import { underPresentName } from '../../plan/rows/present-name.js';
import { beforeRun } from '../../ledger/previous-runs.js';
import { readDocument } from '../../ledger/files/read-document.js';
import { isSealed } from '../../ledger/run-rows.js';
import { SheetError } from '../../sheet/index.js';
import { type RunRef, at, batchFileKey, requestKey } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import type { IngestResult } from '../../workflows/protocol/batch-messages.js';
import type { RunSettings } from '../../domain/batch/run-settings.js';
import { readBalance } from '../account/account-balance.js';
import { cancellationSignal, withHeartbeat } from '../worker/activity-context.js';
import { accountOfRun } from '../account/batch-account.js';
import type { WorkerState } from '../worker/dependencies.js';
import { CarriedRows, Renames, ShardWriter } from './ingest-files.js';
import { refuseOlder } from '../worker/newer-run.js';
import { IngestedSheet } from './ingested-sheet.js';
import { finishRenames, setRenamedAside } from './rename-images.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities } from '../../workflows/protocol/activities.js';

/**
 * Turns a run's request into immutable shards of checked rows: those of its sheet, or those of the batch that a retry
 * or redo selects. Rows whose outcome stays valid are carried over; rejected records are listed in `rejects.csv`;
 * images of renamed rows are copied there. If repeated after its end it changes nothing, since shards may already use
 * what it wrote. Nothing is bought before it has ended.
 */
export function ingestActivity(state: WorkerState): Activities['ingest'] {
  return ({ run, settings }) =>
    withHeartbeat(() =>
      withStorageRetries(state, () =>
        LedgerFiles.with(state.store, run, (files) => ingest(state, { run, settings }, files)).catch(
          refuseSheet,
        ),
      ),
    );
}

/** Fails without retry: a sheet that cannot be trusted does not improve by another attempt. */
function refuseSheet(error: unknown): never {
  if (error instanceof SheetError) throw ApplicationFailure.nonRetryable(error.message, 'SheetError');
  throw error;
}

async function ingest(
  state: WorkerState,
  { run, settings }: { readonly run: RunRef; readonly settings: RunSettings },
  files: LedgerFiles,
): Promise<IngestResult> {
  const { store } = state;
  const signal = cancellationSignal();
  const request = await readDocument(store, at(run, requestKey(run, run.runSeq)), RunRequest);
  const before = await beforeRun(store, run);
  refuseOlder(run, before.batch);
  const account = await accountOfRun(state, run, request, before);
  const shardRows = shardLength(request.rows);
  // Files of a version that did not record how its carried rows had ended are made again.
  if (before.batch?.runSeq === run.runSeq && before.batch.carriedTally) {
    await finishRenames(store, run, signal);
    return resultOf(before.batch, before.batch.carriedTally, shardRows);
  }
  // That run may have been ended halfway.
  if (before.base && !(await isSealed(store, before.base))) await finishRenames(store, before.base, signal);
  const present = await PresentImages.list(store, run);
  const { canary } = settings;
  const shards = new ShardWriter(store, run, shardRows, canary && canaryIndexes(canary));
  const buys = new ImageCounts();
  const carried = new CarriedRows(files);
  const renames = new Renames(files);
  let hasNames = false;
  let hasInputs = false;
  const sheet = new IngestedSheet(files, { store, request, before });
  const openSheet = () => store.read(at(run, request.sheetKey), signal);
  const inputs = await listedInputs(store, run, request);
  await sheet.begin();
  for await (const item of plannedRows({ store, run, request, before, openSheet, inputs, signal })) {
    switch (item.kind) {
      case 'sheet':
        await sheet.add(item.item);
        break;
      case 'removed':
        break;
      case 'planned': {
        const planned = { ...item, row: sheet.spelled(item.row, item.isKept) };
        hasNames ||= hasChosenName(planned.row);
        hasInputs ||= planned.row.inputImages.length > 0;
        const { plan, move } = await planWithImages(run, planned, present);
        if (move) await renames.add(planned.row, move);
        if (plan.kind === 'carry') await carried.add(planned.row, plan.outcome);
        else {
          await shards.add({ ...planned.row, ...plan.start });
          if (!plan.start.jobId) buys.add(planned.row);
        }
      }
    }
  }
  await shards.end();
  await carried.store(run);
  await renames.store(run);
  await setRenamedAside(store, run, signal);
  const rejectColumns = await sheet.storeLeftOut(run);
  // The last request before anything is bought.
  const balance = await readBalance(state);
  const batch: BatchFile = {
    format: 1,
    batchId: run.batchId,
    account,
    runSeq: run.runSeq,
    base: before.base?.runSeq ?? 0,
    // A redo may name many rows; they are in the request.
    sheet: { ...request, redo: [] },
    settings,
    rejectColumns: [...rejectColumns],
    sheetColumns: [...sheet.sheetColumns],
    labelColumns: [...sheet.labelColumns],
    delimiter: sheet.delimiter,
    hasNames,
    hasInputs,
    shardCount: shards.count,
    rows: shards.rows,
    ...(canary && { canary: { rows: shards.canaryRows, buys: [...buys.list] } }),
    carried: carried.tally.total,
    carriedTally: carried.tally,
    rejected: sheet.rejected,
    ...(balance && { balance }),
    ingestedAt: new Date().toISOString(),
    digests: files.digests,
  };
  await putBatchFile(store, run, batch);
  await finishRenames(store, run, signal);
  return resultOf(batch, carried.tally, shardRows);
}

function resultOf(
  { shardCount, rows, rejected, canary }: BatchFile,
  carriedTally: Tally,
  shardRows: number,
): IngestResult {
  const settled = addTallies(carriedTally, { ...EMPTY_TALLY, total: rejected, rejected });
  return { shardCount, shardRows, rows, settled, ...(canary && { canaryRows: canary.rows }) };
}

/** Replaces what the run before wrote, but never what a newer run wrote. */
async function putBatchFile(store: ObjectStore, run: RunRef, batch: BatchFile): Promise<void> {
  const ref = at(run, batchFileKey(run));
  const head = await store.head(ref);
  if (head) refuseOlder(run, await readDocument(store, ref, BatchFile));
  await store.put(ref, toJsonLines([batch]), {
    contentType: 'application/json',
    condition: head ? { kind: 'unchanged', etag: head.etag } : { kind: 'absent' },
  });
}

/**
 * The plan of a row. A row is finished if its image is in the bucket, even if unrecorded or under the row's earlier
 * name. For a row whose image is to be made again, only a new image counts.
 */
async function planWithImages(
  run: RunRef,
  { row, plan, before, move }: PlannedRow,
  present: PresentImages,
): Promise<Pick<PlannedRow, 'plan' | 'move'>> {
  const formerId = before ? undefined : formerRowId(row.rowId);
  const formerName = before?.imageName ?? imageNameOf(formerId ?? row.rowId);
  if (plan.kind === 'carry' && before?.start === undefined) {
    // Without an image the plan stays, except where another row's image might take the name that is now free.
    if (plan.outcome.end.kind === 'stored' || formerName === row.imageName) return { plan, move };
  }
  const start = plan.kind === 'run' ? plan.start : before?.start;
  const leastGeneration = start?.keptImage ? start.generation : 1;
  const outcome = await present.outcomeOf(row, before?.outcome, { leastGeneration, formerName });
  if (!outcome) return { plan, move };
  const found = underPresentName(run, row, { kind: 'carry', outcome });
  return { plan: found.plan, move: found.move };
}
