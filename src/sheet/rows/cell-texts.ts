import type { SheetColumns } from '../cells/sheet-columns.js';
import type { SourceRecord } from '../source-record.js';

/**
 * A cell as written in the sheet if its digits differ from its value's; otherwise undefined. Input images may contain
 * secrets and are only shown by their values.
 */
export function cellTextOf(record: SourceRecord, columns: SheetColumns, index: number): string | undefined {
  return index === columns.ours.get('input_images') ? undefined : record.texts?.[index];
}

/** The carried cells with such a text, by column name; nothing if there are none. */
export function labelTextsOf(
  record: SourceRecord,
  columns: SheetColumns,
): { readonly labelTexts?: Readonly<Record<string, string>> } {
  if (record.texts === undefined) return {};
  const texts = columns.labels.flatMap(({ index, name }) => {
    const text = cellTextOf(record, columns, index);
    return text === undefined ? [] : [[name, text] as const];
  });
  return texts.length > 0 ? { labelTexts: Object.fromEntries(texts) } : {};
}
