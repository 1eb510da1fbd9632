import type { JsonValue } from '../../domain/text/json.js';
import { isReportColumn } from '../../domain/rows/columns.js';
import type { LeftOutRecord, RejectedRecord } from '../../domain/rows/row.js';
import type { BrokenRule } from '../cells/cells.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import { cellTextOf } from './cell-texts.js';
import type { SourceRecord } from '../source-record.js';
import { wholeText, wholeValue } from '../cells/whole-text.js';

const SHOWN_VALUE_CHARACTERS = 200;

/** An unchanged record, so that it can be corrected; `place` rows come before it. */
export function leftOut(
  record: SourceRecord,
  columns: SheetColumns,
  place: number,
  fault?: BrokenRule['fault'],
): LeftOutRecord {
  const whole = (name: string): string => (fault === 'text' ? wholeText(name) : name);
  const cells = record.values.flatMap((cell, index): [string, JsonValue][] => {
    const name = columns.names[index] ?? `column_${index + 1}`;
    if (cell === undefined || isReportColumn(name)) return [];
    return [[whole(name), fault === 'text' ? wholeValue(cell) : cell]];
  });
  const texts = record.values.flatMap((cell, index): [string, string][] => {
    const name = columns.names[index];
    const text = cellTextOf(record, columns, index);
    // In lists, forbidden text is replaced only in the value.
    const isKept = fault !== 'text' || typeof cell === 'number';
    return name === undefined || text === undefined || !isKept ? [] : [[whole(name), text]];
  });
  const ours = [...columns.ours].map(([column, index]) => [column, whole(columns.names[index] ?? column)]);
  return {
    line: record.line,
    ...(record.tableRow !== undefined && { tableRow: record.tableRow }),
    place,
    record: Object.fromEntries(cells),
    ...(texts.length > 0 && { texts: Object.fromEntries(texts) }),
    ours: Object.fromEntries(ours),
  };
}

/** The rule that a record breaks. */
export function rejection({
  column,
  value,
  message: rule,
}: BrokenRule): Pick<RejectedRecord, 'column' | 'value' | 'rule'> {
  return { column, value: wholeText(shortened(value)), rule };
}

function shortened(value: string): string {
  if (value.length <= SHOWN_VALUE_CHARACTERS) return value;
  // Do not cut within a surrogate pair.
  return `${value.slice(0, SHOWN_VALUE_CHARACTERS - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
