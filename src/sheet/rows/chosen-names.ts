import type { RowId } from '../../domain/rows/ids.js';
import { brokenImageNameRule, imageNameIn } from '../../domain/images/image-name.js';
import { cellText } from '../cells/cells.js';
import { ROW_ID_PLACE } from '../cells/columns.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import type { SourceRecord } from '../source-record.js';
import { fillTemplate } from '../cells/template.js';

/** The names that a sheet chooses for a record's images, one for each of its ids. */
export type ChosenNames =
  | { readonly kind: 'chosen'; readonly names: readonly string[] }
  /** The names derive from the ids. */
  | { readonly kind: 'none' }
  | BrokenName;

interface BrokenName {
  readonly kind: 'broken';
  readonly column: string;
  readonly value: string;
  readonly rule: string;
}

/** The names from the sheet's file_name column or the template for it; replicas get the suffix `~1` … `~n`. */
export function chosenNames(record: SourceRecord, columns: SheetColumns, ids: readonly RowId[]): ChosenNames {
  const given = columns.nameTemplate ? filledName(record, columns, ids) : namedCell(record, columns);
  if (given.kind !== 'text') return given;
  const { column, text } = given;
  const name = imageNameIn(text);
  const names = ids.length === 1 ? [name] : ids.map((_, replica) => `${name}~${replica + 1}`);
  const rule = brokenImageNameRule(name) ?? brokenImageNameRule(names.at(-1) ?? name);
  if (rule !== undefined) return { kind: 'broken', column, value: text, rule };
  return { kind: 'chosen', names };
}

/** The rule that the second of two rows breaks; `places` names both. */
export function takenNameRule(name: string, places: string): string {
  return `image name ${JSON.stringify(name)} is used twice (${places}; letter case does not count). Rename one`;
}

type Given = { readonly kind: 'text'; readonly column: string; readonly text: string } | ChosenNames;

function namedCell(record: SourceRecord, columns: SheetColumns): Given {
  const index = columns.ours.get('file_name');
  if (index === undefined) return { kind: 'none' };
  const column = columns.names[index] ?? 'file_name';
  const value = record.values[index];
  const text = cellText(value);
  if (text === undefined) {
    return { kind: 'broken', column, value: JSON.stringify(value), rule: `${column} must be text` };
  }
  return text.trim() === '' ? { kind: 'none' } : { kind: 'text', column, text };
}

function filledName(record: SourceRecord, { nameTemplate = [] }: SheetColumns, ids: readonly RowId[]): Given {
  const id = ids.length === 1 ? ids[0] : ids[0]?.slice(0, -'~1'.length);
  const filled = fillTemplate(nameTemplate, (index) =>
    index === ROW_ID_PLACE ? id : cellText(record.values[index]),
  );
  if (filled.kind === 'filled') return { kind: 'text', column: 'file_name', text: filled.text };
  const { column } = filled;
  const rule = `--name needs text in the column ${JSON.stringify(column)}, or a default: {{${column}|untitled}}`;
  return { kind: 'broken', column, value: '', rule };
}
