import { MAX_BUDGET, microsOf, microsText } from '../../domain/money/decimal.js';
import type { PlanCounts } from '../../plan/plan-counts.js';
import type { SubmissionPlan } from '../../plan/plan-submission.js';
import type { BatchId } from '../../domain/rows/ids.js';
import { MODELS } from '../../domain/rows/generation-settings.js';
import { counted } from '../../domain/text/full-stop.js';
import { imagesOf, kindsText, type ImagesOfKind } from '../../domain/money/image-counts.js';
import { costOf, type PriceTable, microsFor } from '../../domain/money/price-table.js';
import type { RejectedRecord } from '../../domain/rows/row.js';
import { budgetIn, type Spending } from '../../plan/spending.js';
import { placeText } from '../../sheet/record-place.js';
import type { SheetSettings, SheetSummary } from '../../sheet/index.js';
import { addressOf, type BatchLocation } from '../../storage/layout.js';
import { batchWorkflowId } from '../../workflows/protocol/names.js';

const SHOWN_REJECTS = 5;

/** Lines about the content of a sheet. */
export function sheetText(
  sheet: string,
  summary: SheetSummary,
  { duplicates, moment }: Pick<SheetSettings, 'duplicates' | 'moment'>,
  whereListed = 'all are listed in rejects.csv',
): string {
  const models = MODELS.map(
    (model) => [model, imagesOf(summary.images.filter((kind) => kind.model === model))] as const,
  );
  const perModel = models.flatMap(([model, images]) => (images > 0 ? [`${images} ${model}`] : [])).join(', ');
  const fate = duplicates === 'skip' ? ' skipped' : duplicates === 'keep' ? ' kept' : '';
  const repeats = summary.duplicates > 0 ? `, ${counted(summary.duplicates, 'identical row')}${fate}` : '';
  const blank = summary.blank > 0 ? `, ${counted(summary.blank, 'blank row')} left out` : '';
  const lines = [
    `Sheet      ${sheet}: ${counted(summary.rows, 'image')}${perModel && ` (${perModel})`}${repeats}${blank}`,
  ];
  if (summary.hasSplitNames) {
    lines.push(
      'Names      contain folders such as "test": load the images in Hugging Face with split="train"',
    );
  }
  if (summary.saysMoment && moment === undefined) {
    lines.push(
      'Note       {{date}} and {{time}} in prompts or names stay as they are: only schedules fill them in',
    );
  }
  if (summary.rejected > 0) lines.push(`Rejected   ${counted(summary.rejected, 'row')}:`);
  const shown = summary.firstRejected.slice(0, SHOWN_REJECTS);
  lines.push(...shown.map((rejected) => `           ${rejectLine(rejected)}`));
  const more = summary.rejected - shown.length;
  if (more > 0) lines.push(`           … and ${more} more; ${whereListed}`);
  return `${lines.join('\n')}\n`;
}

function rejectLine(rejected: RejectedRecord): string {
  const { column, value, rule } = rejected;
  return `${placeText(rejected)}, ${column}${value === '' ? '' : ` "${value.slice(0, 60)}"`}: ${rule}`;
}

/** Lines about what a submission would do to a batch, with the cost if prices are known. */
export function planText(
  location: BatchLocation,
  plan: SubmissionPlan,
  prices: PriceTable | undefined,
): string {
  return `${differenceText(location, plan)}${prices ? costText(prices, plan.buys) : ''}`;
}

/** Lines about what a submission would do to a batch. */
export function differenceText(location: BatchLocation, plan: SubmissionPlan): string {
  const batch = `Batch      ${location.batchId} → ${addressOf(location)}\n`;
  if (plan.runSeq === 1) return batch;
  const kept = plan.merge ? 'others kept' : 'kept as before, because their new rows are rejected';
  const counts = [
    [plan.new, 'new'],
    [plan.changed, 'changed'],
    [plan.again, 'to retry'],
    [plan.unchanged, 'unchanged'],
    [plan.removed, 'removed'],
    [plan.kept, kept],
  ] as const;
  const parts = counts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  const lines = [
    runLine(plan.runSeq, parts.length > 0 ? parts.join(', ') : 'no rows'),
    ...awaitedLines(plan),
    ...renamedLines(plan),
  ];
  return `${batch}${lines.join('\n')}\n`;
}

/** Lines about the cost of images, and about those without a known price. */
export function costText(prices: PriceTable, buys: readonly ImagesOfKind[]): string {
  const { total, unpriced } = costOf(prices, buys);
  const missing = `BANANA_PRICES has no price for ${kindsText(unpriced)}`;
  if (unpriced.length === 0) return `Cost       ${total}${ONCE_EACH}\n`;
  if (unpriced.length === buys.length) return `Cost       unknown: ${missing}\n`;
  return `Cost       ${total}${ONCE_EACH}\n           and more: ${missing}\n`;
}

const ONCE_EACH = ' by BANANA_PRICES, not counting jobs repeated after a failure';

/** Lines about rows rejected because of the batch, besides those rejected by the sheet's own rules. */
export function rejectedByBatchText(summary: SheetSummary, plan: SubmissionPlan): string {
  const more = plan.summary.rejected - summary.rejected;
  if (more === 0) return '';
  const shownLines = new Set(summary.firstRejected.map(({ line }) => line));
  const shown = plan.summary.firstRejected
    .filter(({ line }) => !shownLines.has(line))
    .slice(0, SHOWN_REJECTS);
  const lines = shown.map((rejected) => `           ${rejectLine(rejected)}\n`).join('');
  return `Rejected   ${counted(more, 'row')}, because rows of the batch already have their names:\n${lines}`;
}

/** A line of a plan about what a run will do. */
export function runLine(runSeq: number, text: string): string {
  return `Run ${String(runSeq).padEnd(6)} ${text}`;
}

/** The line, if any, about jobs that are awaited instead of bought. */
export function awaitedLines({ awaited }: PlanCounts): readonly string[] {
  return awaited > 0
    ? [`           ${counted(awaited, 'job')} already known: awaited, not bought again`]
    : [];
}

/** The line, if any, about renamed images. */
export function renamedLines({ renamed }: PlanCounts): readonly string[] {
  return renamed > 0
    ? [`           ${counted(renamed, 'image')} renamed: copied in the bucket, not bought`]
    : [];
}

/** The output of `submit --json`; scripts rely on it. */
export function submissionJson(location: BatchLocation, plan: SubmissionPlan): string {
  return JSON.stringify({ ...submissionFacts(location.batchId, plan), location: addressOf(location) });
}

/** The output of `submit --json` without the place. */
export function submissionFacts(batchId: BatchId, plan: SubmissionPlan): Readonly<Record<string, unknown>> {
  return {
    batchId,
    workflowId: batchWorkflowId(batchId),
    runSeq: plan.runSeq,
    rows: plan.summary.rows,
    rejected: plan.summary.rejected,
    blank: plan.summary.blank,
    duplicates: plan.summary.duplicates,
    new: plan.new,
    changed: plan.changed,
    unchanged: plan.unchanged,
    removed: plan.removed,
    kept: plan.kept,
    again: plan.again,
    renamed: plan.renamed,
  };
}

/** Lines about how far a budget covers the images of a plan; empty without a budget, or if a price is missing. */
export function budgetText(
  spending: Spending,
  buys: readonly ImagesOfKind[],
  prices: PriceTable | undefined,
): string {
  const budget = budgetIn(spending);
  if (budget === undefined || !prices || costOf(prices, buys).unpriced.length > 0) return '';
  const cap = microsOf(budget, MAX_BUDGET) ?? 0;
  const images = imagesOf(buys);
  const cost = buys.reduce(
    (sum, kind) => sum + BigInt(microsFor(prices, kind) ?? 0) * BigInt(kind.images),
    0n,
  );
  const enough =
    BigInt(cap) >= cost
      ? 'enough for one job per image'
      : `enough for about ${(BigInt(cap) * BigInt(images)) / cost} of the ${counted(images, 'image')}; then the batch pauses`;
  return `Budget     ${microsText(cap)}: ${enough}\n`;
}
