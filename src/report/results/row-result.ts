import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { ResultColumn } from './result-columns.js';
import type { RowCosts } from '../../domain/money/row-cost.js';
import type { RejectedRecord, ShardRow, SkippedRecord } from '../../domain/rows/row.js';
import { placeText } from '../../sheet/record-place.js';
import { batchRoot, type BatchLocation } from '../../storage/layout.js';
import { unstoredReason } from '../failure-record.js';

/** The result of a row, or of a record without a row; scripts rely on the values. */
export type ResultStatus = 'stored' | 'failed' | 'cancelled' | 'rejected' | 'skipped' | 'pending';

/** The cells that `results.csv` adds to one line of the sheet. */
export type RowResult = Readonly<Record<ResultColumn, string>> & { readonly status: ResultStatus };

const NOTHING = {
  row_id: '',
  reason: '',
  image: '',
  bytes: '',
  sha256: '',
  job_id: '',
  cost: '',
} as const;

/** A row with its outcome; undefined for an unfinished one, which may still have its earlier image. */
export function rowResult(
  location: BatchLocation,
  row: ShardRow,
  outcome: RowOutcome | undefined,
  costs: RowCosts,
): RowResult {
  if (!outcome) {
    const { rowId, keptImage } = row;
    return {
      ...NOTHING,
      row_id: rowId,
      status: 'pending',
      reason: 'The row is not finished yet.',
      ...(keptImage && imageCells(location, keptImage.end, keptImage.imageKey)),
    };
  }
  const { end, generations, imageKey } = outcome;
  const reason = unstoredReason(end);
  return {
    ...NOTHING,
    row_id: row.rowId,
    status: end.kind,
    reason: end.kind === 'failed' ? `${end.failure}: ${reason}` : reason,
    ...imageCells(location, end, imageKey),
    job_id: generations.at(-1)?.jobId ?? '',
    cost: costs.of(row, generations) ?? '',
  };
}

function imageCells(
  location: BatchLocation,
  end: RowOutcome['end'],
  imageKey: string | undefined,
): Pick<RowResult, 'image' | 'bytes' | 'sha256'> {
  if (end.kind !== 'stored') return { image: '', bytes: '', sha256: '' };
  return {
    image: imageKey === undefined ? '' : `${batchRoot(location)}${imageKey}`,
    bytes: String(end.image.sizeBytes),
    sha256: end.image.sha256,
  };
}

/** A record that breaks a rule. */
export function rejectedResult({ column, value, rule }: RejectedRecord): RowResult {
  const where = column === '' ? '' : `${column}${value === '' ? '' : ` ${JSON.stringify(value)}`}: `;
  return { ...NOTHING, status: 'rejected', reason: `${where}${rule}` };
}

/** A record that was left out as a duplicate. */
export function skippedResult({ repeatOf, repeatOfRow }: SkippedRecord): RowResult {
  return {
    ...NOTHING,
    status: 'skipped',
    reason: `It repeats ${placeText({ line: repeatOf, tableRow: repeatOfRow })}.`,
  };
}
