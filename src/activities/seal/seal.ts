import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import pMap from 'p-map';
import { phaseReached, type RowOutcome } from '../../domain/rows/outcome.js';
import { MissingThumbnailCounts } from '../../domain/images/missing-thumbnails.js';
import { RepeatedJobsFinder } from '../../domain/images/repeated-jobs.js';
import { SealedCounts, type Tally } from '../../domain/batch/tally.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { mayBeOutdated } from '../../ledger/audit/stray-objects.js';
import { failureColumns, failureRecord } from '../../report/failure-record.js';
import { ImagesCard } from '../../report/images-card.js';
import { metadataLine } from '../../report/metadata-line.js';
import { ResultsTable } from '../../report/results/results-table.js';
import { ResultsText } from '../../report/results/results-text.js';
import { BatchFile, OutcomeLine, type Report } from '../../ledger/documents.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import {
  at,
  batchFileKey,
  batchRoot,
  contactSheetPrefix,
  failuresKey,
  metadataKey,
  nearDuplicatesKey,
  outcomesKey,
  reportKey,
  resultsKey,
  type RunRef,
  imagesCardKey,
} from '../../storage/layout.js';
import { type ObjectStore, StorageError } from '../../storage/object-store.js';
import { withHeartbeat } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';
import { readDocument } from '../../ledger/files/read-document.js';
import { refuseOlder } from '../worker/newer-run.js';
import { LedgerFiles } from '../../ledger/files/ledger-files.js';
import { cardToPlace } from '../../report/dataset-card.js';
import { AlikeImages } from './alike-images.js';
import { ContactSheetFiles } from './contact-sheet-files.js';
import { SealedCost, sealedBudget } from './sealed-cost.js';
import { bucketSetBack } from './lost-outcomes.js';
import { sealedRows } from './sealed-rows.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities, SealInput } from '../../workflows/protocol/activities.js';

/** Writes the files of a finished run: outcomes, metadata, failures, contact sheet, and last the report, which counts only what the files say. Idempotent. */
export function sealActivity(state: WorkerState): Activities['seal'] {
  return (input) =>
    withHeartbeat(() =>
      withStorageRetries(state, () =>
        LedgerFiles.with(state.store, input.run, (files) => seal(state, input, files)),
      ),
    );
}

async function seal(state: WorkerState, input: SealInput, files: LedgerFiles): Promise<Tally> {
  const { run } = input;
  const batchText = await state.store.readText(at(run, batchFileKey(run)));
  const batch = BatchFile.parse(JSON.parse(batchText));
  refuseOlder(run, batch);
  if (batch.runSeq < run.runSeq) throw bucketSetBack(run, batch.runSeq);
  const results = files.open();
  const text = new ResultsText(batch.delimiter, (chunk) => results.write(chunk));
  return ResultsTable.with(state.store, run, batch, undefined, async (table) => {
    await text.add([table.header]);
    return sealWith(state, input, files, {
      batch,
      batchText,
      addResult: (row, outcome) => text.add(table.linesTo(row, outcome)),
      storeResults: async () => {
        await text.add(table.linesToEnd());
        await text.end();
        await results.store(resultsKey(run), 'text/csv; charset=utf-8');
      },
    });
  });
}

interface BatchToSeal {
  readonly batch: BatchFile;
  readonly batchText: string;
  readonly addResult: (row: ShardRow, outcome: RowOutcome) => Promise<void>;
  readonly storeResults: () => Promise<void>;
}

async function sealWith(
  state: WorkerState,
  input: SealInput,
  files: LedgerFiles,
  { batch, batchText, addResult, storeResults }: BatchToSeal,
): Promise<Tally> {
  const { run } = input;
  // Temporal's clock, like all other reported times: this machine's may be wrong.
  const sealedAt = new Date(Context.current().info.scheduledTimestampMs).toISOString();
  const outcomes = files.open();
  const metadata = files.open();
  const failures = files.openCsv();
  const contactSheet = new ContactSheetFiles(files, run, input.tally);
  const cost = await SealedCost.begin(state, run, batch);
  const counts = new SealedCounts(batch.rejected);
  const card = new ImagesCard(batch);
  const repeated = new RepeatedJobsFinder();
  const missing = new MissingThumbnailCounts();
  const alike = new AlikeImages(state.store, run, batch.settings.nearDuplicates === true);
  for await (const { row, outcome } of alike.noted(sealedRows(state, input))) {
    counts.add(outcome);
    repeated.note(outcome);
    missing.note(outcome);
    cost.add({ row, outcome });
    await outcomes.add({ ...outcome, phase: phaseReached(outcome) });
    const { end } = outcome;
    if (end.kind === 'stored') {
      card.add(row, end);
      await metadata.add(metadataLine(row, end, outcome.imageKey, batch));
    } else await failures.add(failureRecord(run, row, outcome));
    await contactSheet.add(row, outcome);
    await addResult(row, outcome);
  }
  await outcomes.store(outcomesKey(run, run.runSeq), 'application/jsonl');
  // The following files are at places that a newer run uses too.
  const refuseIfOlder = async (): Promise<void> =>
    refuseOlder(run, await readDocument(state.store, at(run, batchFileKey(run)), BatchFile));
  await refuseIfOlder();
  await metadata.store(metadataKey(run), 'application/jsonl');
  await failures.store(failuresKey(run), failureColumns(batch), batch.delimiter);
  await storeResults();
  const { sameBytes, nearDuplicates, lists } = await alike.report(files, batch.delimiter);
  await contactSheet.end(lists, sealedAt);
  const metadataDigest = files.digests[metadataKey(run).slice(batchRoot(run).length)] ?? '';
  await storeImagesCard(state.store, run, card.text(run, counts.tally, metadataDigest));
  const key = outcomesKey(run, run.runSeq);
  const repeatedJobs = repeated.found
    ? await repeated.collect(readJsonLines(await state.store.read(at(run, key)), OutcomeLine, key))
    : undefined;
  const budget = await sealedBudget(state, run, batch);
  const report: Report = {
    format: 1,
    batchId: run.batchId,
    runSeq: run.runSeq,
    state: input.end,
    account: batch.account,
    tally: counts.tally,
    charged: counts.charged,
    sameBytes,
    ...(repeatedJobs && { repeatedJobs }),
    ...(missing.total && { missingThumbnails: missing.total }),
    ...(nearDuplicates && { nearDuplicates }),
    ...(budget && { budget }),
    cost: await cost.end(input),
    startedAt: input.startedAt,
    endedAt: sealedAt,
    digests: { ...batch.digests, 'batch.json': sha256Of(batchText), ...files.digests },
  };
  await refuseIfOlder();
  const body = Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`);
  await state.store.put(at(run, reportKey(run)), body, { contentType: 'application/json' });
  await deleteOutdated(state.store, run, report.digests);
  return counts.tally;
}

/** Deletes files of earlier seals that this one did not write again. */
async function deleteOutdated(store: ObjectStore, run: RunRef, digests: Report['digests']): Promise<void> {
  const keys = [nearDuplicatesKey(run)];
  for await (const { key } of store.list(run.bucket, contactSheetPrefix(run))) keys.push(key);
  const outdated = keys.filter((key) => {
    const below = key.slice(batchRoot(run).length);
    return mayBeOutdated(below, run.runSeq) && !Object.hasOwn(digests, below);
  });
  await pMap(outdated, (key) => store.delete(at(run, key)), { concurrency: 16 });
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Writes the card of a batch's images; if someone has edited the existing card, only its section on the data's identity is updated. Throws `StorageError`. */
async function storeImagesCard(store: ObjectStore, run: RunRef, text: string): Promise<void> {
  const ref = at(run, imagesCardKey(run));
  let present: string | undefined;
  try {
    present = await store.readText(ref);
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'not-found')) throw error;
  }
  const card = cardToPlace(text, present);
  if (card.text !== present) {
    await store.put(ref, Buffer.from(card.text), { contentType: 'text/markdown; charset=utf-8' });
  }
}
