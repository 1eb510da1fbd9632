import { type BrokenRule, cellText } from '../cells/cells.js';
import { cellOf } from '../cells/cell.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import { formulaRule } from '../cells/formula-cell.js';
import type { SourceRecord } from '../source-record.js';
import { brokenTextRule } from '../cells/whole-text.js';

/**
 * The rows of a batch that a rejected record stands for: those of its id, or those of a record on its line if the id
 * depends on a cell that a spreadsheet did not fill in. They stay in the batch unchanged.
 */
export type StayingRows =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'line'; readonly line: number };

/** The rows that stay for a rejected record; undefined if they cannot be determined. */
export function stayingRows(
  record: SourceRecord,
  columns: SheetColumns,
  { fault }: Pick<BrokenRule, 'fault'>,
): StayingRows | undefined {
  if (fault === 'no-row') return undefined;
  const id = cellText(cellOf(record, columns, 'id').value)?.trim() ?? '';
  const isReadable = id !== '' && formulaRule(id) === undefined && brokenTextRule(id) === undefined;
  if (isReadable) return { by: 'id', id };
  return fault === 'formula' ? { by: 'line', line: record.line } : undefined;
}
