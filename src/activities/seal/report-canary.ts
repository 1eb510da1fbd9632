import { Context } from '@temporalio/activity';
import { jobTimesOf, type CanaryResult, canaryText } from '../../report/canary-result.js';
import { expectedSeconds, spread } from '../../domain/time/expected-time.js';
import { ImageCounts, type ImagesOfKind } from '../../domain/money/image-counts.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import { costOf, tableOf, type ImagePrice } from '../../domain/money/price-table.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { tallyOfSettled } from '../../domain/batch/tally.js';
import { BatchFile } from '../../ledger/documents.js';
import { LedgerFiles } from '../../ledger/files/ledger-files.js';
import { listParts, readParts } from '../../ledger/parts.js';
import { readDocument } from '../../ledger/files/read-document.js';
import { addressOf, at, batchFileKey, canaryFileKey, canaryPageKey } from '../../storage/layout.js';
import { withHeartbeat } from '../worker/activity-context.js';
import { ContactSheetFiles } from './contact-sheet-files.js';
import type { WorkerState } from '../worker/dependencies.js';
import { withStorageRetries } from '../worker/storage-fault.js';
import type { Activities, ReportCanaryInput } from '../../workflows/protocol/activities.js';

/** Writes the result of a run's canary once all of its rows are recorded: a contact sheet of its own, and `canary.json`. Idempotent. */
export function reportCanaryActivity(state: WorkerState): Activities['reportCanary'] {
  return (input) =>
    withHeartbeat(() =>
      withStorageRetries(state, () =>
        LedgerFiles.with(state.store, input.run, (files) => reportCanary(state, input, files)),
      ),
    );
}

async function reportCanary(
  state: WorkerState,
  input: ReportCanaryInput,
  files: LedgerFiles,
): ReturnType<Activities['reportCanary']> {
  const { run } = input;
  const madeAt = new Date(Context.current().info.scheduledTimestampMs).toISOString();
  const batch = await readDocument(state.store, at(run, batchFileKey(run)), BatchFile);
  const rows = await state.shardRows.all(run, 0);
  const outcomes = await readParts(state.store, run, await listParts(state.store, run, 0));
  const canaries = rows.flatMap((row) => {
    const outcome = outcomes.get(row.position);
    return outcome ? [{ row, outcome }] : [];
  });
  const result = resultOf(input, canaries, batch);
  const facts = canaryText(result);
  const page = new ContactSheetFiles(
    files,
    run,
    tallyOfSettled(canaries.map(({ outcome }) => outcome)),
    'canary',
  );
  for (const { row, outcome } of canaries) await page.add(row, outcome);
  await page.end([], madeAt, facts);
  const document = { format: 1, batchId: run.batchId, runSeq: run.runSeq, ...result, madeAt };
  await files.put(
    canaryFileKey(run, run.runSeq),
    `${JSON.stringify(document, undefined, 2)}\n`,
    'application/json',
  );
  const address = addressOf({ bucket: run.bucket, root: canaryPageKey(run, run.runSeq) });
  return { text: facts, allMade: result.made === result.rows, page: address };
}

interface CanaryRow {
  readonly row: ShardRow;
  readonly outcome: RowOutcome;
}

function resultOf(
  { left, durationsMs, concurrency }: ReportCanaryInput,
  canaries: readonly CanaryRow[],
  batch: BatchFile,
): CanaryResult {
  const rows = canaries.length;
  const made = canaries.filter(hasNewImage).length;
  const { stored, failuresByKind } = tallyOfSettled(canaries.map(({ outcome }) => outcome));
  const kept = stored - made;
  const generations = canaries.reduce((sum, one) => sum + generationsOf(one).length, 0);
  const jobTimes = jobTimesOf(durationsMs);
  const buys = batch.canary?.buys;
  const { prices } = batch.settings;
  return {
    rows,
    made,
    failuresByKind: { ...failuresByKind, ...(kept > 0 && { kept }) },
    generations,
    left,
    ...(jobTimes && {
      jobTimes,
      // Failed generations occupied slots as well.
      leftSeconds: expectedSeconds(
        left,
        concurrency,
        spread(((jobTimes.meanMs / 1000) * Math.max(rows, generations)) / rows),
      ),
    }),
    ...(prices && buys && { cost: costsOf(prices, canaries, buys) }),
  };
}

/** Whether this run made an image for it; a row that had one keeps it if it gets no new one. */
function hasNewImage({ row, outcome }: CanaryRow): boolean {
  if (outcome.end.kind !== 'stored') return false;
  const last = outcome.generations.at(-1);
  return row.keptImage === undefined || (last?.end === 'done' && last.message === undefined);
}

/** The generations that this run made. */
function generationsOf({ row, outcome }: CanaryRow): RowOutcome['generations'] {
  const isBought = (generation: number): boolean =>
    generation > row.generation || (generation === row.generation && row.jobId === undefined);
  return outcome.generations.filter(({ generation }) => isBought(generation));
}

function costsOf(
  prices: readonly ImagePrice[],
  canaries: readonly CanaryRow[],
  buys: readonly ImagesOfKind[],
): NonNullable<CanaryResult['cost']> {
  const table = tableOf(prices);
  const charged = new ImageCounts();
  for (const canary of canaries) {
    for (const generation of generationsOf(canary)) if (generation.charged === 'yes') charged.add(canary.row);
  }
  const whole = costOf(table, buys);
  return {
    made: costOf(table, charged.list).total,
    whole: whole.total,
    isPartial: whole.unpriced.length > 0,
  };
}
