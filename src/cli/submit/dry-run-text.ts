import prettyMs from 'pretty-ms';
import type { SubmissionPlan } from '../../plan/plan-submission.js';
import type { SheetInput } from '../../sheet/fetch/sheet-inputs.js';
import { createEndpoint } from '../../bananahub/client.js';
import type { SecondsRange } from '../../domain/time/expected-time.js';
import type { BatchId } from '../../domain/rows/ids.js';
import { costOf, priceOf, type PriceTable } from '../../domain/money/price-table.js';
import { publicAddress } from '../../domain/rows/input-image.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { addressOf, imagesPrefix, type BatchLocation } from '../../storage/layout.js';
import type { ShownReject } from './dry-run-rejects.js';
import type { Spending } from '../../plan/spending.js';
import { budgetText, costText, differenceText, submissionFacts } from './submission-plan-text.js';
import { uploadText } from './input-reach.js';
import { kindsText } from '../../domain/money/image-counts.js';
import { placeText } from '../../sheet/record-place.js';

/** How long a submission would take, and how that is known. */
export interface ExpectedTime {
  readonly seconds: SecondsRange;
  /** How long a row has an unfinished job. */
  readonly jobSeconds: SecondsRange;
  readonly concurrency: number;
  /** The measured run of the batch; undefined if the time is the documented one. */
  readonly measuredByRun: number | undefined;
}

/** A row that would be made first. */
export type CanaryRow = Pick<PromptRow, 'rowId' | 'line' | 'tableRow'>;

/** The result of a dry run. */
export interface DryRun {
  readonly batchId: BatchId;
  /** Undefined if no bucket is configured. */
  readonly location: BatchLocation | undefined;
  readonly plan: SubmissionPlan;
  readonly time: ExpectedTime;
  readonly prices: PriceTable | undefined;
  readonly spending: Spending;
  /** Input images that the batch does not have yet. */
  readonly uploads: readonly SheetInput[];
  /** The first rows to buy images for. */
  readonly rows: readonly PromptRow[];
  /** All records that would be rejected; undefined if they are not listed. */
  readonly rejects?: readonly ShownReject[];
  /** Sample rows that would be made first; undefined for none. */
  readonly canary: readonly CanaryRow[] | undefined;
}

const SHOWN_BODY_CHARACTERS = 1000;

/** The plan of a submission as lines of text. */
export function dryRunText({
  batchId,
  location,
  plan,
  time,
  prices,
  spending,
  uploads,
  rows,
}: DryRun): string {
  const place = location
    ? [line('Images', `s3://${location.bucket}/${imagesPrefix(location)}`)]
    : [
        line(
          'Batch',
          `${batchId} → no bucket is configured: set BANANA_BUCKET to compare with an existing batch;`,
        ),
        line('', `"run" would keep the batch in this folder, below .banana-batch/`),
      ];
  return [
    location ? differenceText(location, plan) : '',
    ...place,
    line('Buys', plan.buys.length > 0 ? kindsText(plan.buys) : 'nothing'),
    uploadText(uploads),
    ...(time.seconds[1] > 0 ? [line('Time', timeText(time))] : []),
    prices ? costText(prices, plan.buys) : '',
    budgetText(spending, plan.buys, prices),
    ...rows.map((row) => rowText(row)),
  ].join('');
}

/** Lines with the ids of the canary's rows. */
export function canaryRowsText({ canary = [] }: Pick<DryRun, 'canary'>): string {
  return canary.map((row) => line('', `${row.rowId} (${placeText(row)})`)).join('');
}

function line(name: string, text: string): string {
  return `${name.padEnd(10)} ${text}\n`;
}

function timeText({ seconds, jobSeconds, concurrency, measuredByRun }: ExpectedTime): string {
  const [low, high] = seconds.map((value) => prettyMs(value * 1000, { secondsDecimalDigits: 0 }));
  const job = jobSeconds.map((value) => value.toPrecision(2).replace(/\.0$/, '')).join('–');
  const by =
    measuredByRun === undefined
      ? `if a job takes ${job} s, the usual time; queues can make it much longer`
      : `if a row takes ${job} s, as in run ${measuredByRun}`;
  return `${low} – ${high} with ${concurrency} jobs in flight, ${by}`;
}

/** The request without secrets and parts unknown before it is sent: input images by their names in our files. */
function shownRequest(row: PromptRow): ReturnType<typeof createEndpoint> {
  return createEndpoint({ ...row, inputImageUrls: row.inputImages.map(publicAddress) });
}

/** The image's type, and so the extension of its name, is known only when it is made. */
function rowText(row: PromptRow): string {
  const { path, body } = shownRequest(row);
  const text = JSON.stringify(body);
  const shown =
    text.length > SHOWN_BODY_CHARACTERS ? `${text.slice(0, SHOWN_BODY_CHARACTERS)} … (cut here)` : text;
  return [
    line('Row', `${row.rowId} (${placeText(row)}) → ${row.imageName}.png, .jpg or .webp`),
    line('', `${row.model}: POST ${path} ${shown}`),
  ].join('');
}

/** The same facts as one JSON document; scripts rely on it. */
export function dryRunJson({
  batchId,
  location,
  plan,
  time,
  prices,
  uploads,
  rows,
  canary,
  rejects = [],
}: DryRun): string {
  return JSON.stringify({
    ...submissionFacts(batchId, plan),
    location: location ? addressOf(location) : null,
    buys: plan.buys.map((kind) => ({ ...kind, price: prices ? (priceOf(prices, kind) ?? null) : null })),
    seconds: time.seconds,
    concurrency: time.concurrency,
    jobSeconds: time.jobSeconds,
    measuredByRun: time.measuredByRun ?? null,
    uploads: {
      images: uploads.length,
      bytes: uploads.reduce((sum, { image }) => sum + image.sizeBytes, 0),
    },
    cost: prices ? costOf(prices, plan.buys) : null,
    rejects,
    canary: canary ? canary.map(({ rowId }) => rowId) : null,
    first: rows.map((row) => {
      const { path, body } = shownRequest(row);
      const { rowId, line: sheetLine, tableRow, imageName, model } = row;
      return { rowId, line: sheetLine, tableRow, imageName, model, endpoint: path, body };
    }),
  });
}
