import type { JsonValue } from '../../domain/text/json.js';
import type { InputColumn } from '../../domain/rows/columns.js';
import { BrokenRule, cellText } from './cells.js';
import type { SheetColumns } from './sheet-columns.js';
import type { SourceRecord } from '../source-record.js';

/** The content of a record in one of our columns. */
export interface Cell {
  /** The column's name in the sheet, or ours if the sheet lacks the column. */
  readonly name: string;
  readonly value: JsonValue | undefined;
}

/** The cell of one of our columns. */
export function cellOf(record: SourceRecord, columns: SheetColumns, column: InputColumn): Cell {
  const index = columns.ours.get(column);
  if (index === undefined) return { name: column, value: undefined };
  return { name: columns.names[index] ?? column, value: record.values[index] };
}

/** A cell's text, empty if it has none. Throws BrokenRule for a list or an object. */
export function textOf(cell: Cell): string {
  const text = cellText(cell.value);
  if (text === undefined)
    throw new BrokenRule(cell.name, JSON.stringify(cell.value), `${cell.name} must be text`);
  return text;
}
