import { type SheetMoment, momentInNames, momentPart } from '../../domain/time/moment.js';
import { BrokenRule } from '../cells/cells.js';
import type { SheetColumns } from '../cells/sheet-columns.js';
import type { SourceRecord } from '../source-record.js';

/** Whether a text contains `{{date}}` or `{{time}}`. */
export function saysMoment(text: string): boolean {
  return /\{\{\s*(?:date|time)\s*\}\}/i.test(text);
}

/** The same, with an optional backslash before any of the braces. */
const MOMENT = /\\?\{\\?\{\s*(date|time)\s*\\?\}\\?\}/gi;

/**
 * A record with date and time inserted for `{{date}}` and `{{time}}` in its prompt and image name. With a backslash
 * before any of the braces these are text, and the backslashes are removed. Nothing else is changed, and nothing at
 * all without a moment or in our own failures.csv, where prompts and names are final.
 *
 * Throws BrokenRule for a record that contains them if they are refused.
 */
export function withMoment(record: SourceRecord, columns: SheetColumns, moment: SheetMoment): SourceRecord {
  if (moment === undefined || columns.isFailures) return record;
  const prompt = columns.ours.get('prompt');
  const name = columns.ours.get('file_name');
  const values = record.values.map((value, index) => {
    const column = columns.names[index] ?? '';
    if (typeof value !== 'string') return value;
    if (index === prompt) return filled(value, moment, { column, harm: 'be bought again' });
    if (index === name) return filled(value, momentInNames(moment), { column, harm: 'get another name' });
    return value;
  });
  return { ...record, values };
}

function filled(
  text: string,
  moment: SheetMoment,
  { column, harm }: { readonly column: string; readonly harm: string },
): string {
  return text.replaceAll(MOMENT, (found, word: string) => {
    if (found.includes('\\')) return found.replaceAll('\\', '');
    if (typeof moment === 'object') return moment[momentPart(word) ?? 'date'];
    throw new BrokenRule(
      column,
      text,
      `${column} must not contain {{date}} or {{time}} in a schedule with --mode changes, where the row would ${harm} at each run. Remove them, write \\{\\{${word}\\}\\} for the text itself, or create a schedule with --mode fresh`,
    );
  });
}
