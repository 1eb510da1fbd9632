import type { SheetColumns } from '../cells/sheet-columns.js';
import type { SourceRecord } from '../source-record.js';

/**
 * A cell as the sheet writes it, where its value says the same in other digits; undefined elsewhere. Input images may
 * have secrets and are shown by their values only.
 */
export function cellTextOf(record: SourceRecord, columns: SheetColumns, index: number): string | undefined {
  return index === columns.ours.get('input_images') ? undefined : record.texts?.[index];
}

/** The carried cells that have such a text, by the names of their columns; nothing where none has. */
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
